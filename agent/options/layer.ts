import type { Problem } from '../problem.ts';

/** One value that a user gave for one option. */
export interface Setting {
  /** The option's path, e.g. `http.port`. */
  readonly path: string;
  /** What the user wrote: a YAML path, the name of an environment variable, or a flag. */
  readonly name: string;
  /** Text, or a plain value from YAML. */
  readonly raw: unknown;
}

/** What one source gives; a later layer wins over an earlier one. */
export interface Layer {
  readonly settings: readonly Setting[];
  /** Names that are no setting, text that is no YAML. Their `path` is the name as written. */
  readonly problems: readonly Problem[];
}
