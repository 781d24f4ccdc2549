import { describe, expect, test } from 'vitest';
import { type DomainName, parseName } from '../../agent/dns/name.ts';
import { type ZoneContent, zoneContentOf } from '../../agent/dns/zone-text.ts';
import { type Agreement, agree } from '../../agent/plan/agree.ts';
import type { PrimaryPlan } from '../../agent/plan/plan-zone.ts';
import { lossIn, withheldPlan } from '../../agent/plan/withhold.ts';
import { objectKey } from '../../agent/resources/types.ts';

const name = (text: string): DomainName => {
  const parsed = parseName(text);
  if (!parsed.ok) throw new Error(text);
  return parsed.value;
};

function content(hosts: Readonly<Record<string, readonly string[]>>, ttl = 300): ZoneContent {
  const zone = name('a.example');
  const soa = {
    mname: name('ns.a.example'),
    rname: name('admin.a.example'),
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum: 1,
  };
  const rrsets = Object.entries(hosts).map(([host, rdata]) => ({
    owner: name(`${host}.a.example`),
    type: 'A',
    ttl,
    rdata,
  }));
  return zoneContentOf({ zone, soa, soaTtl: ttl, rrsets });
}

const both = content({ www: ['192.0.2.1', '192.0.2.2'], api: ['192.0.2.3'] });

/** Only what counts here. */
const planOf = (next: ZoneContent, ...pods: string[]): PrimaryPlan =>
  ({
    content: next,
    problems: [],
    placement: {
      primaries: pods.map((pod) => ({ pod, liveness: 'live' })),
      secondaries: [],
    },
  }) as unknown as PrimaryPlan;

const servedAs = ({ hash, records }: ZoneContent) => ({
  zone: name('a.example'),
  key: objectKey('default', 'a'),
  uid: 'a',
  role: 'primary' as const,
  stanza: '',
  since: '',
  hash,
  records,
  serial: 7,
});

describe('what a zone would lose', () => {
  const lost = (next: ZoneContent, known: boolean): string | undefined =>
    lossIn({
      self: 'p-0',
      plan: planOf(next, 'p-0', 'p-1'),
      served: servedAs(both),
      content: known ? both : undefined,
      allocated: { serial: 7, contentHash: both.hash, by: 'p-0', view: { manifests: 1 } },
    });

  test('is told record by record where what is served is known', () => {
    expect(lost(content({ www: ['192.0.2.1'], api: ['192.0.2.3'] }), true)).toBe('www.a.example A');
    expect(lost(content({ new: ['192.0.2.9', '192.0.2.8', '192.0.2.7'] }), true)).toBe(
      'api.a.example A and 2 more records',
    );
  });

  test('is told by number where only that is known', () => {
    expect(lost(content({ www: ['192.0.2.1'] }), false)).toBe('2 of 3 records');
  });

  test('is nothing where records are added, or only TTLs change', () => {
    const more = content({
      www: ['192.0.2.1', '192.0.2.2'],
      api: ['192.0.2.3'],
      new: ['192.0.2.4'],
    });
    expect(lost(more, true)).toBeUndefined();
    expect(lost(more, false)).toBeUndefined();
    expect(lost(content({ www: ['192.0.2.1', '192.0.2.2'], api: ['192.0.2.3'] }, 60), true)).toBe(
      undefined,
    );
  });

  test('may be anything that others have agreed on and this pod does not serve', () => {
    const inputs = { self: 'p-0', served: undefined, content: undefined };
    const allocated = { serial: 7, contentHash: both.hash, by: 'p-1', view: { manifests: 1 } };
    const less = content({ www: ['192.0.2.1'] });
    expect(lossIn({ ...inputs, plan: planOf(less, 'p-0', 'p-1'), allocated })).toContain('p-1');
    // Nobody is left who could serve more.
    expect(lossIn({ ...inputs, plan: planOf(less, 'p-0'), allocated })).toBeUndefined();
    expect(lossIn({ ...inputs, plan: planOf(both, 'p-0', 'p-1'), allocated })).toBeUndefined();
    expect(
      lossIn({ ...inputs, plan: planOf(less, 'p-0', 'p-1'), allocated: undefined }),
    ).toBeUndefined();
  });

  test('stands among the problems of the zone', () => {
    const plan = withheldPlan(planOf(both), 'why');
    expect(plan).toMatchObject({ withheld: 'why', problems: [{ path: '', problem: 'why' }] });
  });
});

describe('content that is withheld', () => {
  const input: Agreement = {
    self: 'p-0',
    contentHash: 'less',
    withheld: true,
    view: { latest: { manifests: 9 }, seen: { manifests: 9 } },
    allocated: { serial: 7, contentHash: 'all', by: 'p-1', view: { manifests: 1 } },
    serving: { serial: 7, contentHash: 'all' },
    ranked: ['p-0', 'p-1'],
    others: [{ pod: 'p-1' }],
    elsewhere: undefined,
    floor: undefined,
    date: undefined,
    unsettledFor: 60_000,
    sinceAllocation: 60_000,
  };

  test('gets no serial, alone or among others', () => {
    expect(agree(input)).toEqual({ kind: 'stay' });
    expect(agree({ ...input, ranked: ['p-0'], others: [] })).toEqual({ kind: 'stay' });
    expect(agree({ ...input, allocated: undefined })).toEqual({ kind: 'stay' });
    expect(agree({ ...input, serving: undefined, ranked: ['p-0'], others: [] })).toEqual({
      kind: 'stay',
    });
  });

  test('gives way to what another primary has agreed on since', () => {
    const newer = { serial: 8, contentHash: 'more', by: 'p-1', view: { manifests: 10 } };
    expect(agree({ ...input, allocated: newer })).toEqual({ kind: 'take', from: 'p-1', serial: 8 });
    const ours = { ...newer, by: 'p-0' };
    expect(agree({ ...input, serving: undefined, allocated: ours })).toEqual({
      kind: 'take',
      from: 'p-1',
      serial: 8,
    });
    expect(agree({ ...input, allocated: newer, unsettledFor: 0 })).toMatchObject({ kind: 'wait' });
  });
});
