import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../resources/got.ts';

/** RFC 6902, of which this is enough. */
export type Operation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** RFC 6901. */
export const pointer = (path: string, key: string | number): string =>
  `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;

export const keysOf = (path: string): string[] =>
  path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));

/**
 * What makes `after` of `before`, both JSON. A field that is null counts as absent. Lists are compared from both their
 * ends, so that what was put in or taken out of one is one operation.
 */
export function difference(before: unknown, after: unknown, path = ''): Operation[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (Array.isArray(before) && Array.isArray(after)) return ofLists(before, after, path);
  if (isObject(before) && isObject(after)) return ofObjects(before, after, path);
  return [{ op: 'replace', path, value: after }];
}

type Fields = Readonly<Record<string, unknown>>;

/** Every object has fields of its kind beside its own, `valueOf` for one. */
const isAbsent = (fields: Fields, key: string): boolean =>
  !Object.hasOwn(fields, key) || fields[key] === undefined || fields[key] === null;

function ofObjects(before: Fields, after: Fields, path: string): Operation[] {
  const gone = Object.keys(before)
    .filter((key) => !isAbsent(before, key) && isAbsent(after, key))
    .map((key): Operation => ({ op: 'remove', path: pointer(path, key) }));
  const there = Object.keys(after)
    .filter((key) => !isAbsent(after, key))
    .flatMap((key): Operation[] =>
      Object.hasOwn(before, key)
        ? difference(before[key], after[key], pointer(path, key))
        : [{ op: 'add', path: pointer(path, key), value: after[key] }],
    );
  return [...gone, ...there];
}

function ofLists(before: readonly unknown[], after: readonly unknown[], path: string): Operation[] {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && isDeepStrictEqual(before[head], after[head])) head += 1;
  let tail = 0;
  while (tail < shorter - head && isDeepStrictEqual(before.at(-1 - tail), after.at(-1 - tail)))
    tail += 1;
  const old = before.slice(head, before.length - tail);
  const fresh = after.slice(head, after.length - tail);
  const both = Math.min(old.length, fresh.length);
  const at = (index: number) => pointer(path, head + index);
  const changed = old
    .slice(0, both)
    .flatMap((item, index) => ofItems(item, fresh[index], at(index)));
  const added = fresh
    .slice(both)
    .map((value, index): Operation => ({ op: 'add', path: at(both + index), value }));
  const removed = old
    .slice(both)
    .map((_, index): Operation => ({ op: 'remove', path: at(both + index) }))
    .reverse();
  return [...changed, ...added, ...removed];
}

/** Things of different names have nothing to do with each other. */
function ofItems(before: unknown, after: unknown, path: string): Operation[] {
  const related = isObject(before) && isObject(after) && before['name'] === after['name'];
  if (related || !isObject(after)) return difference(before, after, path);
  return isDeepStrictEqual(before, after) ? [] : [{ op: 'replace', path, value: after }];
}
