import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import { zoneContentOf } from '../../agent/dns/zone-text.ts';
import { type Guarded, guard, type Loss, lossesIn } from '../../agent/plan/guard.ts';
import type { PrimaryPlan } from '../../agent/plan/plan-zone.ts';
import type { Allocation } from '../../agent/plan/registration.ts';
import type { ServedZone } from '../../agent/plan/served-zone.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { peer, zoneObject } from './worlds.ts';

const limits = { zones: 10, percent: 20 };
const nothing: ReadonlySet<string> = new Set();

describe('the guard', () => {
  test.each([
    // dropped, served
    [1, 2],
    [10, 11],
    [10, 20],
    [11, 100],
    [20, 100],
  ])('lets %i of %i zones go', (dropped, all) => {
    const guarded = judged(drops(dropped), [], served(all));
    expect(guarded.drops).toHaveLength(dropped);
    expect(guarded.held).toBeUndefined();
  });

  test.each([
    [1, 1],
    [3, 3],
    [11, 50],
    [21, 100],
  ])('holds %i of %i zones', (dropped, all) => {
    const guarded = judged(drops(dropped), [], served(all));
    expect(guarded.drops).toEqual([]);
    expect(guarded.held).toMatchObject({
      hash: expect.stringMatching(/^[0-9a-f]{16}$/),
      why: `would stop serving ${dropped} of ${all} zones`,
    });
    expect(guarded.held?.actions[0]).toBe('stop serving zone0.example: it is gone');
    expect(guarded.held?.zones).toHaveLength(dropped);
  });

  test('withholds what would lose most of its records, and lets the rest of a plan through', () => {
    const before = served(3, { records: 100, hash: 'sha256:old' });
    const losses = lossesIn([planOf(1)], before, () => undefined, 'p-0');
    const { drops: allowed, withheld, held } = judged(drops(1, 1), losses, before);
    expect(allowed).toEqual(drops(1, 1));
    expect(held).toMatchObject({
      why: 'would remove more than half of the records of a zone',
      actions: ['1 of 100 records of zone0.example would be left'],
      zones: [],
    });
    expect([...withheld]).toEqual([[key, expect.stringContaining(held?.hash ?? '?')]]);
  });

  test('goes on holding what was held when other zones come back or are added', () => {
    const marked = served(3, { held: true });
    expect(judged(drops(2), [], marked).held?.zones).toHaveLength(2);
    const more = new Map([...served(9), ...marked]);
    expect(judged(drops(3), [], more).held?.zones).toHaveLength(3);
    expect(judged(drops(1, 8), [], more).drops).toHaveLength(1);
  });

  test('carries out what was approved: that plan, in any order, and no other', () => {
    const all = served(3);
    const hash = judged(drops(3), [], all).held?.hash ?? '';
    const approved = new Set([hash]);
    const carried = judged(drops(3).reverse(), [], all, approved);
    expect(carried).toMatchObject({ held: undefined, approved: hash });
    expect(carried.drops).toHaveLength(3);
    expect(judged(drops(4), [], served(4), approved).held).toBeDefined();
    // The same names, made anew.
    expect(judged(drops(3), [], served(3, { uid: 'another' }), approved).held).toBeDefined();
    // The same new content in place of another.
    const loss = (hash: string): Loss => ({ plan: planOf(1), records: 100, hash });
    const lossy = judged([], [loss('sha256:old')], all).held?.hash ?? '';
    expect(judged([], [loss('sha256:old')], all, new Set([lossy])).withheld.size).toBe(0);
    expect(judged([], [loss('sha256:new')], all, new Set([lossy])).withheld.size).toBe(1);
  });

  test('never lets the last zone go, whatever the limits and the number of zones', () => {
    const number = fc.integer({ min: 1, max: 60 });
    const limit = fc.record({ zones: fc.nat(100), percent: fc.nat(100) });
    fc.assert(
      fc.property(number, limit, (all, anyLimits) => {
        const guarded = judged(drops(all), [], served(all), nothing, anyLimits);
        expect(guarded.drops).toEqual([]);
        expect(guarded.held?.zones).toHaveLength(all);
      }),
    );
  });
});

describe('a zone loses most of its records', () => {
  const lost = (
    plan: PrimaryPlan,
    now: Partial<ServedZone> | undefined,
    allocated?: Allocation,
  ): number | undefined => {
    const before = now === undefined ? new Map<string, ServedZone>() : served(1, now);
    return lossesIn([plan], before, () => allocated, 'p-0')[0]?.records;
  };
  const allocation = (contentHash: string): Allocation => ({
    serial: 7,
    contentHash,
    records: 10,
    by: 'p-1',
    view: {},
  });

  test('where less than half of ten records or more is left', () => {
    const ten = { records: 10, hash: 'sha256:old' };
    expect(lost(planOf(4), ten)).toBe(10);
    expect(lost(planOf(5), ten)).toBeUndefined();
    expect(lost(planOf(0), { records: 9, hash: 'sha256:old' })).toBeUndefined();
    expect(lost(planOf(4), { records: 10, hash: planOf(4).content.hash })).toBeUndefined();
  });

  test('in the eyes of a pod without the zone too: it goes by what was agreed on', () => {
    expect(lost(planOf(4, 'p-1'), undefined, allocation('sha256:old'))).toBe(10);
    expect(lost(planOf(5, 'p-1'), undefined, allocation('sha256:old'))).toBeUndefined();
    // Nobody has it any more: what is left is better than nothing.
    expect(lost(planOf(4), undefined, allocation('sha256:old'))).toBeUndefined();
  });

  test('not where that was agreed on, by a pod where it was approved', () => {
    const few = planOf(4, 'p-1');
    const agreed = allocation(few.content.hash);
    expect(lost(few, { records: 10, hash: 'sha256:old' }, agreed)).toBeUndefined();
    expect(lost(few, undefined, agreed)).toBeUndefined();
  });
});

const key = objectKey('default', 'zone0');

const judged = (
  dropped: Drops,
  losses: readonly Loss[],
  before: ReadonlyMap<string, ServedZone>,
  approved = nothing,
  anyLimits = limits,
): Guarded => guard({ drops: dropped, losses, served: before, limits: anyLimits, approved });

const zoneAt = (index: number) => `zone${index}.example.` as DomainName;

type Drops = ReturnType<typeof drops>;

const drops = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({
    kind: 'drop' as const,
    zone: zoneAt(from + index),
    why: 'it is gone',
  }));

/** A zone that only other primaries serve besides. */
function planOf(records: number, ...others: string[]): PrimaryPlan {
  const zone = zoneAt(0);
  const soa = { mname: zone, rname: zone, refresh: 1, retry: 1, expire: 1, minimum: 1 };
  const rdata = Array.from({ length: records }, (_, index) => `192.0.2.${index}`);
  const rrsets = records === 0 ? [] : [{ owner: zone, type: 'A', ttl: 1, rdata }];
  return {
    kind: 'primary',
    zone,
    object: zoneObject({ zoneName: 'zone0.example' }, 'zone0'),
    placement: {
      primaries: others.map((pod) => peer(pod, 'primary')),
      secondaries: [],
      outside: [],
    },
    stanza: '{ };',
    problems: [],
    content: zoneContentOf({ zone, soa, soaTtl: 1, rrsets }),
    floor: undefined,
    ranked: ['p-0', ...others],
    notify: [],
    dynamic: false,
    claim: false,
  };
}

function served(count: number, more: Partial<ServedZone> = {}): Map<string, ServedZone> {
  const entries = Array.from({ length: count }, (_, index): [string, ServedZone] => [
    zoneAt(index),
    {
      zone: zoneAt(index),
      key: objectKey('default', `zone${index}`),
      uid: `uid-${index}`,
      role: 'primary',
      stanza: '{ };',
      serial: 1,
      since: '2026-01-01T00:00:00Z',
      ...more,
    },
  ]);
  return new Map(entries);
}
