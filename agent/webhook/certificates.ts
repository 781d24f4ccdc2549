import type { Pair } from './certificate-set.ts';

/** Where the certificate comes from that is served. */
export interface Certificates {
  /** The one to serve now, where there is one. */
  readonly serving: Pair | undefined;
  /** API servers can know it for ours: reviews may come. Once so, always so. */
  readonly ready: boolean;
  /** Why it could not be kept up to date when that was last tried. */
  readonly problem: string | undefined;
  /** Keeps it up to date until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** Told of each certificate that is to be served from now on. */
export type Serve = (pair: Pair) => void;
