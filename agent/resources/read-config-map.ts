import type { Parsed, Problem } from '../problem.ts';
import { got, isObject, under } from './got.ts';
import { type ConfigMap, type Metadata, objectKey } from './types.ts';

/** A ConfigMap's `data`; values that are no text are told, all of them. */
export function readConfigMap(
  value: Readonly<Record<string, unknown>>,
  metadata: Metadata,
): Parsed<ConfigMap> {
  const written = value['data'] ?? {};
  if (!isObject(written)) return { ok: false, problems: [wanted('data', 'a mapping', written)] };
  const data: [string, string][] = [];
  const problems: Problem[] = [];
  for (const [key, each] of Object.entries(written))
    if (typeof each === 'string') data.push([key, each]);
    else if (each !== null) problems.push(wanted(under('data', key), 'text', each));
  if (problems.length > 0) return { ok: false, problems };
  const key = objectKey(metadata.namespace, metadata.name);
  return {
    ok: true,
    value: { kind: 'ConfigMap', key, metadata, data: Object.fromEntries(data) },
  };
}

const wanted = (path: string, want: string, value: unknown): Problem => ({
  path,
  problem: `want ${want}, got ${got(value)}`,
});
