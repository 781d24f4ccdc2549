import { expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import { Alike } from '../../agent/plan/alike.ts';
import type { PrimaryPlan, SecondaryPlan } from '../../agent/plan/plan-zone.ts';
import type { Pod } from '../../agent/plan/topology.ts';
import type { DNSZone } from '../../agent/resources/types.ts';

// What is compared by its identity alone.
const object = {} as DNSZone;
const content = { short: '', hash: '', records: 0 };
const zone = 'a.' as DomainName;
const pods = [{ pod: 'primary-0' }, { pod: 'secondary-0' }] as unknown as readonly Pod[];
const endpoint = { address: '192.0.2.1', port: 53, key: 'cluster' };

const placement = () => ({
  primaries: pods.slice(0, 1),
  secondaries: pods.slice(1),
  outside: ['198.51.100.1'],
});
const primary = (more: Partial<PrimaryPlan> = {}): PrimaryPlan => ({
  kind: 'primary',
  ...{ zone, object, content, floor: 7, dynamic: false, claim: false },
  placement: placement(),
  stanza: ['{ type', 'primary; };'].join(' '),
  ranked: ['primary-0'],
  notify: [{ ...endpoint }],
  problems: [],
  ...more,
});
const secondary = (more: Partial<SecondaryPlan> = {}): SecondaryPlan => ({
  kind: 'secondary',
  ...{ zone, object, placement: placement(), problems: [] },
  stanza: '{ type secondary; };',
  primaries: [{ ...endpoint }],
  candidates: [{ ...endpoint, proof: '192.0.2.1#53', draining: false }],
  ...more,
});

test('a plan says what it said, in parts that it has in common with others', () => {
  const alike = new Alike();
  const [a, b] = [alike.planOf(primary()), alike.planOf(primary())] as PrimaryPlan[];
  expect(a).toEqual(primary());
  for (const part of ['placement', 'ranked', 'notify', 'problems'] as const)
    expect(a?.[part]).toBe(b?.[part]);
  const [c, d] = [alike.planOf(secondary()), alike.planOf(secondary())] as SecondaryPlan[];
  expect(c).toEqual(secondary());
  for (const part of ['placement', 'primaries', 'candidates', 'problems'] as const)
    expect(c?.[part]).toBe(d?.[part]);
});

test('what differs in anything stays apart', () => {
  const alike = new Alike();
  alike.planOf(primary());
  alike.planOf(secondary());
  const { key: _, ...unsigned } = endpoint;
  const problem = { path: 'spec', problem: 'something' };
  for (const plan of [
    primary({ placement: { ...placement(), outside: [] } }),
    primary({ placement: { ...placement(), secondaries: [] } }),
    primary({ placement: { ...placement(), primaries: pods, secondaries: [] } }),
    primary({ ranked: ['primary-0', 'primary-1'] }),
    primary({ notify: [unsigned] }),
    primary({ notify: [{ ...endpoint, port: 5353 }] }),
    primary({ problems: [problem] }),
    secondary({ primaries: [] }),
    secondary({ candidates: [{ ...endpoint, proof: '192.0.2.1#53', draining: true }] }),
    secondary({ candidates: [{ ...endpoint, proof: '192.0.2.1#53/a.', draining: false }] }),
  ])
    expect(alike.planOf(plan)).toEqual(plan);
});
