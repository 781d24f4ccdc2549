import { join } from 'node:path';
import { publish, readIfPresent } from '../files.ts';
import { TransientError } from '../problem.ts';
import { isObject } from '../resources/got.ts';
import { readObject } from '../resources/read-object.ts';
import type { ResourceObject } from '../resources/types.ts';
import { manifestOf } from '../resources/write-object.ts';

/** What must be remembered of a source in which something is wrong. */
export interface StandIns {
  /** What the objects come from: for a cluster in folders, a file by its name. */
  readonly source: string;
  /** The source once was without a mistake: what it may hold beside these and what can be read is new. */
  readonly whole: boolean;
  /** The last good versions of what is wrong in it now, or cannot be read. */
  readonly objects: readonly ResourceObject[];
}

export interface LastGoodOptions {
  /** The pod's own folder. */
  readonly folder: string;
  /** If not, who looks only reads what the pod's agent has written. */
  readonly writes: boolean;
  /** It could not be read or written, and why; told once a reason. */
  readonly failed: (why: string) => void;
}

const FILE = 'last-good.jsonl';

/**
 * The last good versions of objects, for as long as they stand in for what is wrong, on the pod's disk: so that a restart
 * gives up nothing. A JSON object a line and source, its objects as manifests; empty while nothing is wrong.
 */
export class LastGood {
  readonly #options: LastGoodOptions;
  readonly #path: string;
  /** What was given to keep last. */
  #kept: readonly StandIns[] | undefined;
  /** What the file holds; undefined: not known. */
  #text: string | undefined;
  #why: string | undefined;

  constructor(options: LastGoodOptions) {
    this.#options = options;
    this.#path = join(options.folder, FILE);
  }

  /** What an earlier run has kept. Never throws: without it the agent does what it can. */
  async read(): Promise<readonly StandIns[]> {
    const text = await this.#attempt(async () => (await readIfPresent(this.#path)) ?? '');
    this.#text = text;
    const lines = (text ?? '').split('\n').filter((line) => line !== '');
    return lines.flatMap((line, index) => this.#standInsOf(line, index + 1) ?? []);
  }

  /** Writes them where they are others than before, and waits until they are on the disk. Never throws. */
  async keep(now: readonly StandIns[]): Promise<void> {
    const { writes } = this.#options;
    const same = this.#kept !== undefined && isSame(this.#kept, now);
    if (!writes || (same && this.#text !== undefined)) return;
    const text = now.map(lineOf).join('');
    if (text !== this.#text) {
      this.#text = undefined;
      this.#text = await this.#attempt(async () => {
        await publish(this.#path, text);
        return text;
      });
    }
    this.#kept = now;
  }

  #standInsOf(line: string, number: number): StandIns | undefined {
    const value = parse(line);
    if (!isObject(value) || typeof value['source'] !== 'string' || !Array.isArray(value['objects']))
      return this.#lost(`line ${number} of ${this.#path} is damaged`);
    const { source, whole, objects } = value;
    const where = `line ${number} of ${this.#path}`;
    const read = objects.map((object: unknown) =>
      readObject(object, { where, defaultNamespace: 'default' }),
    );
    const usable = read.flatMap((each) => (each.kind === 'object' ? [each.object] : []));
    if (usable.length < read.length) this.#lost(`${where} has an object that cannot be used`);
    return { source, whole: whole === true && usable.length === read.length, objects: usable };
  }

  #lost(why: string): undefined {
    this.#options.failed(why);
    return undefined;
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      const done = await work();
      this.#why = undefined;
      return done;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      if (error.message !== this.#why) this.#options.failed(error.message);
      this.#why = error.message;
      return undefined;
    }
  }
}

const lineOf = ({ source, whole, objects }: StandIns): string =>
  `${JSON.stringify({ source, whole, objects: objects.map(manifestOf) })}\n`;

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const isSame = (a: readonly StandIns[], b: readonly StandIns[]): boolean =>
  a.length === b.length &&
  a.every((each, index) => {
    const other = b[index];
    return (
      other !== undefined &&
      each.source === other.source &&
      each.whole === other.whole &&
      each.objects.length === other.objects.length &&
      each.objects.every((object, at) => object === other.objects[at])
    );
  });
