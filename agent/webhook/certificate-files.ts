import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { FileError } from '../files.ts';
import type { Logger } from '../log.ts';
import { failureOf, TransientError } from '../problem.ts';
import { isPair, type Pair } from './certificate-set.ts';
import type { Certificates, Serve } from './certificates.ts';

export interface CertificateFilesOptions {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly serve: Serve;
  /** How often they are read, in ms. */
  readonly lookMs?: number;
}

const LOOK_MS = 5000;

/** A certificate that somebody else makes and renews, in files. What does not fit together is not served. */
export class CertificateFiles implements Certificates {
  readonly #options: CertificateFilesOptions;
  #serving: Pair | undefined;
  #problem: string | undefined = 'the certificate was not read yet';

  constructor(options: CertificateFilesOptions) {
    this.#options = options;
  }

  get serving(): Pair | undefined {
    return this.#serving;
  }

  get ready(): boolean {
    return this.#serving !== undefined;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log, lookMs = LOOK_MS } = this.#options;
    while (!signal.aborted) {
      const problem = (await failureOf(this.#look()))?.message;
      if (problem !== undefined && problem !== this.#problem)
        log.warn({ reason: problem }, 'the certificate cannot be read');
      this.#problem = problem;
      await clock.sleep(lookMs, signal);
    }
  }

  async #look(): Promise<void> {
    const { certFile, keyFile, serve, log } = this.#options;
    const pair = { certificate: await read(certFile), key: await read(keyFile) };
    const { certificate, key } = this.#serving ?? {};
    if (pair.certificate === certificate && pair.key === key) return;
    if (!isPair(pair))
      throw new TransientError(
        `want the certificate in ${certFile} to be one for the key in ${keyFile}`,
      );
    this.#serving = pair;
    serve(pair);
    log.info({ file: certFile }, 'certificate read');
  }
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new FileError('read', path, error);
  }
}
