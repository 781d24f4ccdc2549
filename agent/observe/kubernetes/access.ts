import { readFile } from 'node:fs/promises';
import type { SecureContextOptions } from 'node:tls';
import type { Clock } from '../../clock.ts';
import { FileError } from '../../files.ts';

/** What a request shows the API server, and what it trusts. */
export interface Credentials {
  /** The Authorization header. */
  readonly authorization?: string;
  /** The user to act as, where that is another. */
  readonly impersonated?: string;
  /** The same object for as long as nothing in it changed: connections are kept for it. */
  readonly tls: Pick<SecureContextOptions, 'ca' | 'cert' | 'key' | 'pfx' | 'passphrase'> & {
    readonly servername?: string;
    readonly rejectUnauthorized?: boolean;
  };
}

/** Where the API server is, and how it is entered. */
export interface Access {
  readonly server: URL;
  /** @throws TransientError where a file of them cannot be read */
  credentials(): Promise<Credentials>;
  /** The server has refused them: reads them anew. Returns whether they are others now. */
  renew(): Promise<boolean>;
}

export interface TokenAccessOptions {
  /** `https://10.96.0.1:443` */
  readonly server: string;
  /** Empty: no token. */
  readonly tokenFile: string;
  /** PEM; empty: the authorities that Node.js knows. */
  readonly caFile: string;
  readonly clock: Clock;
}

/** Tokens live for an hour and are replaced some minutes before their end. */
const READ_AGAIN_MS = 60_000;

/** As a pod's service account: the files are read again once a minute, since the kubelet replaces them. */
export class TokenAccess implements Access {
  readonly server: URL;
  readonly #options: TokenAccessOptions;
  #current: { readonly credentials: Credentials; readonly readAt: number } | undefined;
  /** Those who ask at the same time get the same: other certificates would cost the others their connections. */
  #reading: Promise<Credentials> | undefined;

  constructor(options: TokenAccessOptions) {
    this.#options = options;
    this.server = new URL(options.server);
  }

  async credentials(): Promise<Credentials> {
    const current = this.#current;
    const age = this.#options.clock.monotonic() - (current?.readAt ?? Number.NEGATIVE_INFINITY);
    if (current !== undefined && age < READ_AGAIN_MS) return current.credentials;
    return this.#read();
  }

  async renew(): Promise<boolean> {
    const before = this.#current?.credentials;
    return (await this.#read()) !== before;
  }

  #read(): Promise<Credentials> {
    this.#reading ??= this.#readFiles().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readFiles(): Promise<Credentials> {
    const { tokenFile, caFile, clock } = this.#options;
    const before = this.#current?.credentials;
    const token = tokenFile === '' ? '' : (await read(tokenFile)).trim();
    const ca = caFile === '' ? undefined : await read(caFile);
    const tls = before !== undefined && before.tls.ca === ca ? before.tls : { ...(ca && { ca }) };
    const authorization = token === '' ? undefined : `Bearer ${token}`;
    const same =
      before !== undefined && before.tls === tls && before.authorization === authorization;
    const credentials = same ? before : { tls, ...(authorization && { authorization }) };
    this.#current = { credentials, readAt: clock.monotonic() };
    return credentials;
  }
}

/** A file that is empty is about to be written: without a token the server would refuse whoever asks, for another reason. */
async function read(path: string): Promise<string> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.trim() === '') throw new Error('it is empty');
    return text;
  } catch (error) {
    throw new FileError('read', path, error);
  }
}
