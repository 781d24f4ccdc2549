import { join } from 'node:path';
import type { RefusedVersion } from '../apply/server-config.ts';
import { publishJson, readJson } from '../apply/state.ts';
import type { DomainName } from '../dns/name.ts';
import type { WantedConfig } from '../plan/named-config.ts';
import { failureOf, type TransientError } from '../problem.ts';

/** What outlives a restart of the agent, so that named.conf can be written before anything is known of the cluster. */
export interface Remembered {
  readonly instance: WantedConfig;
  /** What named read last and took. */
  readonly taken?: Taken;
  /** What it refused since then. */
  readonly refused?: RefusedVersion;
}

export interface Taken {
  readonly version: string;
  readonly instance: WantedConfig;
  readonly adopted?: AdoptedPart;
}

/** What must be known of an adopted configuration also when it cannot be read any more. */
export interface AdoptedPart {
  readonly zones: readonly DomainName[];
  /** Where it has named keep added zones. */
  readonly newZones: string | undefined;
}

/** The agent's memory of named's configuration, as a file that is written when it changes. */
export class ConfigurationMemory {
  readonly #path: string;
  #now: Remembered = { instance: {} };
  #saved: string | undefined;
  #unsaved: TransientError | undefined;

  /** @param folder the agent's own */
  constructor(folder: string) {
    this.#path = join(folder, 'configuration.json');
  }

  get now(): Remembered {
    return this.#now;
  }

  /** Why the next run would not know what this one knows. */
  get unsaved(): TransientError | undefined {
    return this.#unsaved;
  }

  /** Returns why what lies there is of no use. Throws a FileError where it cannot be read. */
  async load(): Promise<string | undefined> {
    const read = await readJson(this.#path, (value) =>
      typeof value === 'object' && value !== null && 'instance' in value
        ? (value as Remembered)
        : undefined,
    );
    if (read.kind === 'read') {
      this.#now = read.value;
      this.#saved = JSON.stringify(read.value);
    }
    return read.kind === 'damaged' ? read.why : undefined;
  }

  async put(next: Remembered): Promise<void> {
    this.#now = next;
    const text = JSON.stringify(next);
    if (text === this.#saved) return;
    this.#unsaved = await failureOf(publishJson(this.#path, next));
    if (this.#unsaved === undefined) this.#saved = text;
  }
}
