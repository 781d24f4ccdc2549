import { parseKeyFile, renderKey, type TsigKey } from '../dns/tsig-key.ts';
import { readIfPresent } from '../files.ts';
import type { Options } from '../options/options.ts';
import { showProblem, TransientError } from '../problem.ts';

/** The TSIG keys that were given as files. */
export interface GivenKeys {
  /** Shared by the pods: signs transfers, notifies and checks between them. */
  readonly cluster: TsigKey | undefined;
  /** By name, the cluster's key among them. */
  readonly byName: ReadonlyMap<string, TsigKey>;
}

/** Throws a TransientError that names the file when one cannot be used. */
export async function readKeys({ cluster, files }: Options['keys']): Promise<GivenKeys> {
  const byName = new Map<string, TsigKey>();
  const read = async (path: string): Promise<TsigKey[]> => {
    const text = await readIfPresent(path);
    if (text === undefined) throw new TransientError(`key file ${path} is not there`);
    const keys = parseKeyFile(text);
    if (!keys.ok)
      throw new TransientError(`key file ${path}: ${keys.problems.map(showProblem).join('; ')}`);
    for (const key of keys.value) byName.set(key.name, key);
    return keys.value;
  };
  const [clusterKey] = cluster === '' ? [] : await read(cluster);
  for (const path of files) await read(path);
  return { cluster: clusterKey, byName };
}

export const keyStatements = (keys: Iterable<TsigKey>): string[] =>
  [...new Map([...keys].map((key) => [key.name, key])).values()].map(renderKey);
