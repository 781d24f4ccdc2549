import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hierarchies } from '../rig/cgroups.ts';
import type { ContainerState } from './cluster.ts';

/** What the kernel knows of a container, in either version of cgroups. */
export class ContainerCgroup {
  readonly #folders: readonly string[];

  /** @param root the node's cgroup */
  constructor(root: string, { containerID = '' }: ContainerState) {
    const id = containerID.replace(/^.*\//, '');
    this.#folders = hierarchies().flatMap((hierarchy) => find(join(hierarchy, root), id));
  }

  /** Those that were started with this word in their command line. */
  pids(word: string): number[] {
    const all = this.#folders.flatMap((folder) => lines(join(folder, 'cgroup.procs')));
    return [...new Set(all.map(Number))].filter((pid) => {
      const words = lines(`/proc/${pid}/cmdline`)[0]?.split('\0') ?? [];
      return words.some((each) => each.endsWith(word));
    });
  }

  /** Bytes, with what it has of the page cache. */
  get memory(): number {
    return Number(this.#text('memory.current', 'memory.usage_in_bytes'));
  }

  /** Bytes that are its own. */
  get anonymous(): number {
    const stat = this.#text('memory.stat', 'memory.stat');
    return Number(/^(?:anon|rss) (\d+)$/m.exec(stat)?.[1]);
  }

  /** Seconds of processor time so far. */
  get cpu(): number {
    const stat = this.#text('cpu.stat', 'cpuacct.usage');
    const micros = /^usage_usec (\d+)$/m.exec(stat)?.[1];
    return micros === undefined ? Number(stat) / 1e9 : Number(micros) / 1e6;
  }

  /** The file that its limit of memory is set by. */
  get limitFile(): string {
    return this.#path('memory.max', 'memory.limit_in_bytes');
  }

  #text(...names: readonly [string, string]): string {
    return readFileSync(this.#path(...names), 'utf8');
  }

  /** By the names of version 2 and version 1; cpu.stat is in both, and says something else in the first. */
  #path(second: string, first: string): string {
    const isSecond = this.#folders.some((folder) => existsSync(join(folder, 'memory.current')));
    const name = isSecond ? second : first;
    const path = this.#folders.map((folder) => join(folder, name)).find(existsSync);
    if (path === undefined) throw new Error(`no ${name} in ${this.#folders.join(', ')}`);
    return path;
  }
}

function find(folder: string, id: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
  } catch {
    return [];
  }
  if (names.includes(id)) return [join(folder, id)];
  return names.flatMap((name) => find(join(folder, name), id));
}

function lines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  } catch {
    return [];
  }
}
