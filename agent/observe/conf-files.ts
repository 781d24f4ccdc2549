import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { type ConfStep, confSteps, globPart } from '../plan/conf-includes.ts';

/** Which entries of a folder are, or may become, part of the configuration. */
export type Entries = readonly (string | RegExp)[];

export interface ConfLook {
  /** Another text when one of the files is another, comes or goes. */
  readonly stamp: string;
  readonly files: readonly string[];
  /** The folders in which that would show. */
  readonly folders: ReadonlyMap<string, Entries>;
}

interface Known {
  readonly trace: string;
  readonly steps: readonly ConfStep[];
}

/** Whoever includes more than this includes itself in some way. */
const MOST_FILES = 10_000;

/**
 * A configuration of named as the files that it is made of: the first one, what that includes, and so on. Files are read
 * again only where they have changed; a look costs a few system calls each.
 */
export class ConfFiles {
  readonly #path: string;
  readonly #isOurs: (path: string) => boolean;
  #known = new Map<string, Known>();

  /** @param isOurs files, by their real path, that only the agent writes, from this very configuration */
  constructor(path: string, isOurs: (path: string) => boolean) {
    this.#path = resolve(path);
    this.#isOurs = isOurs;
  }

  /** Never throws: what cannot be read is for named's own tool to tell. */
  async look(): Promise<ConfLook> {
    const look: Look = { found: new Map(), folders: new Map(), directory: resolve('.') };
    await this.#visit(this.#path, look);
    this.#known = look.found;
    const stamp = [...look.found].map(([path, { trace }]) => `${path} ${trace}`).join('\n');
    return { stamp, files: [...look.found.keys()], folders: look.folders };
  }

  async #visit(path: string, look: Look): Promise<void> {
    if (look.found.has(path) || look.found.size >= MOST_FILES) return;
    note(look, dirname(path), basename(path));
    const real = await realpath(path).catch(() => path);
    if (this.#isOurs(real)) return;
    // What a link leads to may be changed where it lies.
    if (real !== path) note(look, dirname(real), basename(real));
    const known = await this.#read(path);
    look.found.set(path, known);
    for (const step of known.steps) {
      if (step.kind === 'directory') look.directory = resolve(look.directory, step.path);
      else
        for (const file of await matching(resolve(look.directory, step.pattern), look))
          await this.#visit(file, look);
    }
  }

  async #read(path: string): Promise<Known> {
    const trace = await traceAt(path);
    const known = this.#known.get(path);
    if (known?.trace === trace) return known;
    const text = await readFile(path, 'utf8').catch(() => '');
    return { trace, steps: confSteps(text) };
  }
}

interface Look {
  readonly found: Map<string, Known>;
  readonly folders: Map<string, (string | RegExp)[]>;
  directory: string;
}

function note({ folders }: Look, folder: string, entry: string | RegExp): void {
  folders.set(folder, [...(folders.get(folder) ?? []), entry]);
}

/** The paths that a pattern stands for; a path without wildcards stands for itself, whether there is such a file or not. */
async function matching(pattern: string, look: Look): Promise<string[]> {
  let paths: string[] = [sep];
  for (const part of pattern.split(sep).filter((each) => each !== '')) {
    const glob = globPart(part);
    if (glob === undefined) paths = paths.map((path) => join(path, part));
    else {
      const found: string[] = [];
      for (const folder of paths) {
        note(look, folder, glob);
        const names = await readdir(folder).catch(() => []);
        found.push(...names.filter((name) => glob.test(name)).map((name) => join(folder, name)));
      }
      paths = found.sort();
    }
  }
  return paths;
}

async function traceAt(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined
    ? 'absent'
    : `${found.dev}:${found.ino}:${found.mtimeNs}:${found.size}`;
}
