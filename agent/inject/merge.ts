import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../resources/got.ts';

/** `now` with each of `ours` in the place of its former self, or at the end; what is neither ours nor `others` goes. */
export function merged<T extends { readonly name: string }>(
  now: readonly T[],
  ours: readonly T[],
  others: readonly T[],
): T[] {
  const fresh = new Map(ours.map((each) => [each.name, each]));
  const kept = now.flatMap((each) => {
    const own = fresh.get(each.name);
    if (own === undefined) return others.includes(each) ? [each] : [];
    fresh.delete(each.name);
    return [withDefaults(each, own)];
  });
  return [...kept, ...fresh.values()];
}

/** Fields that the API server fills in by itself. */
const DEFAULTED = new Set([
  ...['terminationMessagePath', 'terminationMessagePolicy', 'imagePullPolicy', 'apiVersion'],
  ...[
    'successThreshold',
    'failureThreshold',
    'scheme',
    'protocol',
    'defaultMode',
    'expirationSeconds',
  ],
]);

/** What is there, where it is what is wanted but for what the API server has filled in. */
export const withDefaults = <T>(before: T | undefined, wanted: T): T =>
  before !== undefined && isSame(before, wanted) ? before : wanted;

function isSame(before: unknown, wanted: unknown): boolean {
  if (Array.isArray(before) && Array.isArray(wanted))
    return (
      before.length === wanted.length && before.every((each, index) => isSame(each, wanted[index]))
    );
  if (!isObject(before) || !isObject(wanted)) return isDeepStrictEqual(before, wanted);
  return (
    Object.keys(wanted).every((key) => key in before) &&
    Object.keys(before).every((key) =>
      key in wanted ? isSame(before[key], wanted[key]) : DEFAULTED.has(key),
    )
  );
}
