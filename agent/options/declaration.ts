import type { Kind } from './kinds.ts';

/** What some defaults are made from: facts of the machine (or pod) that the agent runs in. */
export interface Host {
  readonly name: string;
  /** Addresses of the machine that are not loopback, the preferred one first. */
  readonly addresses: readonly string[];
  /** Unique to this start of the agent. */
  readonly uid: string;
  /** URL of the API server of the cluster that this is a pod of; empty where it is none. */
  readonly apiServer: string;
}

/** A default that depends on the machine, or on options declared above. */
export interface Derived<T> {
  /** What it is, for the reference page: "the host name". */
  readonly told: string;
  /** `settled` gives the final text of an option that is declared above this one. */
  from(host: Host, settled: (path: string) => string): T;
}

/** What must be there when the agent starts, if the option is set. The contents of a `secret-file` are never shown. */
export type MustExist = 'file' | 'secret-file' | 'folder';

/** One option, written once: its flag, environment variable, YAML key, default, help and type all come from here. */
export interface Declaration<P extends string = string, T = unknown> {
  /** The YAML path, e.g. `http.port`. */
  readonly path: P;
  readonly kind: Kind<T>;
  readonly fallback: { readonly value: T } | Derived<T>;
  /** What it does, for operators: whole sentences. */
  readonly help: string;
  readonly unit?: string;
  readonly mustExist?: MustExist;
}

type About = Pick<Declaration, 'help' | 'unit' | 'mustExist'>;

export const option = <const P extends string, T>(
  path: P,
  kind: Kind<T>,
  value: NoInfer<T>,
  about: About,
): Declaration<P, T> => ({ path, kind, fallback: { value }, ...about });

export const derivedOption = <const P extends string, T>(
  path: P,
  kind: Kind<T>,
  fallback: Derived<NoInfer<T>>,
  about: About,
): Declaration<P, T> => ({ path, kind, fallback, ...about });
