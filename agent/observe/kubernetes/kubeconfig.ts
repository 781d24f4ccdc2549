// To be imported only when a kubeconfig is to be read: what this module needs is as large as all the rest of the agent. Of
// the agent it imports types alone, so that the build puts it, and nothing else, into a file of its own.
import type { RequestOptions } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Access, Credentials } from './access.ts';

/** As whoever runs kubectl with this file: by certificates, tokens, and programs that fetch one. */
export class KubeconfigAccess implements Access {
  readonly server: URL;
  readonly #load: () => KubeConfig;
  #config: KubeConfig;
  #credentials: Credentials | undefined;

  /**
   * @param context empty: the current one
   * @throws Error that says what is wrong with the file
   */
  constructor(file: string, context: string) {
    this.#load = () => load(file, context);
    this.#config = this.#load();
    const server = URL.parse(this.#config.getCurrentCluster()?.server ?? '');
    if (server === null)
      throw new Error(`context "${this.#config.getCurrentContext()}" has no server`);
    this.server = server;
  }

  async credentials(): Promise<Credentials> {
    const options: RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    const { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized } = options;
    const all = { ca, cert, key, pfx, passphrase, servername, rejectUnauthorized };
    const tls = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    const authorization = authorizationOf(options);
    const impersonated = headerOf(options, 'Impersonate-User');
    const before = this.#credentials;
    this.#credentials = {
      tls: isDeepStrictEqual(before?.tls, tls) && before !== undefined ? before.tls : tls,
      ...(authorization === undefined ? {} : { authorization }),
      ...(impersonated === undefined ? {} : { impersonated }),
    };
    return this.#credentials;
  }

  async renew(): Promise<boolean> {
    const before = this.#credentials;
    this.#config = this.#load();
    return !isDeepStrictEqual(before, await this.credentials());
  }
}

function authorizationOf(options: RequestOptions): string | undefined {
  const { auth } = options;
  if (typeof auth === 'string') return `Basic ${Buffer.from(auth).toString('base64')}`;
  return headerOf(options, 'Authorization');
}

function headerOf({ headers }: RequestOptions, name: string): string | undefined {
  const header = new Map(Object.entries(headers ?? {})).get(name);
  return typeof header === 'string' ? header : undefined;
}

/** @throws Error that says what is wrong with the file */
function load(file: string, context: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(file);
  if (context !== '') config.setCurrentContext(context);
  const current = config.getCurrentContext();
  if (config.getContextObject(current) === null)
    throw new Error(`want a context that is in it, got ${JSON.stringify(current)}`);
  const { name, proxyUrl } = config.getCurrentCluster() ?? {};
  if (typeof proxyUrl === 'string' && proxyUrl !== '')
    throw new Error(
      `want no proxy-url of cluster "${name}", got ${JSON.stringify(proxyUrl)}: the server is asked directly`,
    );
  return config;
}
