import { expect, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import type { ZonePlan } from '../../agent/plan/plan-zone.ts';
import type { Peer } from '../../agent/plan/registration.ts';
import { SeenCopies, type SeenCopiesDeps } from '../../agent/pod/seen-copies.ts';
import type { CopyState } from '../../agent/report/zone-copy.ts';
import type { Transfer } from '../../agent/report/zone-report.ts';
import { peer, registration } from '../plan/worlds.ts';
import { transfer } from './reports.ts';

const self = registration('primary-0', 'primary');
const address = '10.0.0.7';

interface Scene {
  readonly pod?: Partial<Peer>;
  /** What the pod says of its copy. */
  readonly says?: Partial<CopyState>;
  /** What was told of it. */
  readonly told?: Partial<Transfer> | 'nothing';
  readonly tells?: boolean;
  /** Whether it has answered over DNS before. */
  readonly heard?: boolean;
}

/** Looks at a zone of two pods, and returns who was asked over DNS, and the serial that the other one is taken to serve. */
async function look(scene: Scene = {}) {
  const { pod = {}, says = {}, told = {}, tells = true, heard = true } = scene;
  const secondary = peer('secondary-0', 'secondary', { ips: [address], ...pod });
  const asked: string[] = [];
  const answer = (name: string) => async () => {
    asked.push(name);
    return { kind: 'soa', serial: 99, authoritative: true };
  };
  const parts = {
    options: { pod: { name: self.pod } },
    given: { cluster: undefined },
    wire: { soaHere: answer(self.pod), soa: answer(secondary.pod) },
    clock: systemClock,
  } as unknown as SeenCopiesDeps['parts'];
  const copies = new SeenCopies({
    parts,
    ownCopy: () => ({ role: 'primary', state: 'Current', serial: 7 }),
    told: () => ({ role: 'secondary', state: 'Current', serial: 7, ...says }),
    tells: () => tells,
  });
  const plan = {
    kind: 'primary',
    zone: 'a.example.',
    placement: { primaries: [self], secondaries: [secondary], outside: [] },
  } as unknown as ZonePlan;
  if (heard) await copies.of(plan);
  asked.length = 0;
  const seen = await copies.of(plan, [
    transfer(self.pod, { ip: self.ips[0] ?? '' }),
    ...(told === 'nothing' ? [] : [transfer(secondary.pod, { ip: address, ...told })]),
  ]);
  const { wire } = seen.find((each) => each.pod.pod === secondary.pod) ?? {};
  return { asked: asked.sort(), serial: wire?.kind === 'soa' ? wire.serial : undefined };
}

test('a pod that says of its copy what was told of it is not asked again; this pod always is', async () => {
  expect(await look()).toEqual({ asked: ['primary-0'], serial: 7 });
});

test.for<readonly [string, Scene]>([
  ['nothing was told of', { told: 'nothing' }],
  ['was told to be otherwise', { told: { state: 'Lagging' } }],
  ['was told to have another serial', { told: { serial: 6 } }],
  ['was told to be another’s', { told: { role: 'primary' } }],
  ['has another address', { pod: { ips: ['10.0.0.8'] } }],
  ['says something else now', { says: { state: 'Failing' } }],
  ['does not tell of its copies', { tells: false }],
  ['has not answered of late', { heard: false }],
  ['is about to go', { pod: { draining: true } }],
])('a pod that %s is asked', async ([, scene]) => {
  expect(await look(scene)).toEqual({ asked: ['primary-0', 'secondary-0'], serial: 99 });
});
