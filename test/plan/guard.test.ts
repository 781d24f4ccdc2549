import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import { zoneContentOf } from '../../agent/dns/zone-text.ts';
import type { Action } from '../../agent/plan/action.ts';
import { guard } from '../../agent/plan/guard.ts';
import type { ServedZone } from '../../agent/plan/served-zone.ts';
import { objectKey } from '../../agent/resources/types.ts';

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
    const { actions, held } = guard(drops(dropped), served(all), limits, nothing);
    expect(actions).toHaveLength(dropped);
    expect(held).toBeUndefined();
  });

  test.each([
    [1, 1],
    [3, 3],
    [11, 50],
    [21, 100],
  ])('holds %i of %i zones', (dropped, all) => {
    const { actions, held } = guard(drops(dropped), served(all), limits, nothing);
    expect(actions).toEqual([]);
    expect(held).toMatchObject({
      hash: expect.stringMatching(/^[0-9a-f]{16}$/),
      why: `would stop serving ${dropped} of ${all} zones`,
    });
    expect(held?.actions[0]).toBe('stop serving zone0.example: it is gone');
    expect(held?.zones).toHaveLength(dropped);
  });

  test('holds the loss of more than half of ten records or more, and no smaller one', () => {
    const before = served(1, { records: 10, hash: 'sha256:old' });
    expect(guard([load(4)], before, limits, nothing).held?.why).toBe(
      'would remove more than half of the records of a zone',
    );
    expect(guard([load(5)], before, limits, nothing).held).toBeUndefined();
    const few = served(1, { records: 9, hash: 'sha256:old' });
    expect(guard([load(0)], few, limits, nothing).held).toBeUndefined();
  });

  test('lets the rest of a plan through', () => {
    const shrinking = load(1);
    const before = served(3, { records: 100 });
    const { actions, held } = guard([...drops(1, 1), shrinking], before, limits, nothing);
    expect(actions).toEqual(drops(1, 1));
    expect(held?.actions).toEqual(['load zone0.example at serial 2, 1 records']);
  });

  test('goes on holding what was held when other zones come back or are added', () => {
    const marked = served(3, { held: true });
    expect(guard(drops(2), marked, limits, nothing).held?.zones).toHaveLength(2);
    const more = new Map([...served(9), ...marked]);
    expect(guard(drops(3), more, limits, nothing).held?.zones).toHaveLength(3);
    expect(guard(drops(1, 8), more, limits, nothing).actions).toHaveLength(1);
  });

  test('carries out what was approved: that plan, in any order, and no other', () => {
    const all = served(3);
    const hash = hashOf(drops(3), all);
    const approved = new Set([hash]);
    const carried = guard(drops(3).reverse(), all, limits, approved);
    expect(carried).toMatchObject({ held: undefined, approved: hash });
    expect(carried.actions).toHaveLength(3);
    expect(guard(drops(4), served(4), limits, approved).held).toBeDefined();
    // The same names, made anew.
    expect(guard(drops(3), served(3, { uid: 'another' }), limits, approved).held).toBeDefined();
    const before = served(1, { records: 100, hash: 'sha256:old' });
    const since = served(1, { records: 100, hash: 'sha256:new' });
    expect(hashOf([load(1)], before)).not.toBe(hashOf([load(1)], since));
  });

  test('never lets the last zone go, whatever the limits and the number of zones', () => {
    const number = fc.integer({ min: 1, max: 60 });
    const limit = fc.record({ zones: fc.nat(100), percent: fc.nat(100) });
    fc.assert(
      fc.property(number, limit, (all, anyLimits) => {
        const { actions, held } = guard(drops(all), served(all), anyLimits, nothing);
        expect(actions).toEqual([]);
        expect(held?.zones).toHaveLength(all);
      }),
    );
  });
});

const zoneAt = (index: number) => `zone${index}.example.` as DomainName;

const drops = (count: number, from = 0): Action[] =>
  Array.from({ length: count }, (_, index) => ({
    kind: 'drop',
    zone: zoneAt(from + index),
    why: 'it is gone',
  }));

function load(records: number): Action {
  const zone = zoneAt(0);
  const soa = { mname: zone, rname: zone, refresh: 1, retry: 1, expire: 1, minimum: 1 };
  const rdata = Array.from({ length: records }, (_, index) => `192.0.2.${index}`);
  const rrsets = records === 0 ? [] : [{ owner: zone, type: 'A', ttl: 1, rdata }];
  return {
    kind: 'load',
    zone,
    target: { content: zoneContentOf({ zone, soa, soaTtl: 1, rrsets }), serial: 2 },
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

const hashOf = (actions: readonly Action[], before: ReadonlyMap<string, ServedZone>) =>
  guard(actions, before, limits, nothing).held?.hash ?? '';
