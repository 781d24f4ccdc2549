import type { RequestOptions } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { TransientError } from '../../problem.ts';
import type { Access, Credentials } from './access.ts';

type KubeConfig = import('@kubernetes/client-node/dist/config.js').KubeConfig;

/**
 * As whoever runs kubectl with this file: certificates, tokens, and programs that fetch one.
 *
 * @param context empty: the current one
 * @throws TransientError that says what is wrong with the file
 */
export async function openKubeconfig(file: string, context: string): Promise<Access> {
  const config = await load(file, context);
  const server = URL.parse(config.getCurrentCluster()?.server ?? '');
  if (server === null) throw wrong(file, `context "${config.getCurrentContext()}" has no cluster`);
  return new KubeconfigAccess(server, config, () => load(file, context));
}

class KubeconfigAccess implements Access {
  readonly server: URL;
  readonly #load: () => Promise<KubeConfig>;
  #config: KubeConfig;
  #credentials: Credentials | undefined;

  constructor(server: URL, config: KubeConfig, loadAgain: () => Promise<KubeConfig>) {
    this.server = server;
    this.#config = config;
    this.#load = loadAgain;
  }

  async credentials(): Promise<Credentials> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
    const all = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized };
    const tls = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    const authorization = authorizationOf(options);
    const before = this.#credentials;
    this.#credentials = {
      tls: isDeepStrictEqual(before?.tls, tls) && before !== undefined ? before.tls : tls,
      ...(authorization === undefined ? {} : { authorization }),
    };
    return this.#credentials;
  }

  async renew(): Promise<boolean> {
    const before = this.#credentials;
    this.#config = await this.#load();
    return !isDeepStrictEqual(before, await this.credentials());
  }
}

function authorizationOf({ headers, auth }: RequestOptions): string | undefined {
  if (typeof auth === 'string') return `Basic ${Buffer.from(auth).toString('base64')}`;
  const header = new Map(Object.entries(headers ?? {})).get('Authorization');
  return typeof header === 'string' ? header : undefined;
}

/** Imported only here and only when it is wanted: an agent in a pod does not pay for it. */
async function load(file: string, context: string): Promise<KubeConfig> {
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (error) {
    throw wrong(file, error instanceof Error ? error.message : String(error), error);
  }
  if (context !== '') config.setCurrentContext(context);
  if (config.getContextObject(config.getCurrentContext()) === null)
    throw wrong(file, `want a context, got "${config.getCurrentContext()}", which is not in it`);
  return config;
}

const wrong = (file: string, problem: string, cause?: unknown): TransientError =>
  new TransientError(`kubeconfig ${file}: ${problem}`, { cause });
