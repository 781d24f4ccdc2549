import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../agent/clock.ts';
import type { HttpApi } from '../../agent/observe/kubernetes/api.ts';
import { leaseName } from '../../agent/observe/kubernetes/lease.ts';
import { LeasePeers, type LeasePeersOptions } from '../../agent/observe/kubernetes/lease-peers.ts';
import type { Registration } from '../../agent/plan/registration.ts';
import { registrationOf } from '../cluster/contract.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { until } from '../rig/until.ts';
import { apiAt } from './clusters.ts';
import { watchLeases } from './lease-watch.ts';

const plane = useControlPlane({ controllerManager: true });

/** The API server tells the age of a Lease in whole seconds. */
const lease = { renewSeconds: 0.3, durationSeconds: 1.5, graceSeconds: 1.5 };

interface Started {
  readonly peers: LeasePeers;
  /** Ends it without its doing anything more. */
  crash(): Promise<void>;
  /** Ends its watch only. */
  blind(): void;
  /** Watches again. */
  unblind(): void;
}

let namespace: string;
let ends: (() => Promise<void>)[];

beforeEach(async () => {
  namespace = await plane().namespace();
  ends = [];
});
afterEach(async () => {
  for (const end of ends) await end();
});

/** @param awayMs for so long the API server does not answer at first */
async function start(
  pod: string,
  more: Partial<LeasePeersOptions> = {},
  awayMs = 0,
): Promise<Started> {
  const api = apiAt(plane());
  let watch = new AbortController();
  const peers = new LeasePeers({
    api,
    namespace,
    pod,
    lease,
    clock: systemClock,
    random: Math.random,
    changed: () => undefined,
    ...more,
  });
  peers.start();
  const unblind = (): void => {
    watch = new AbortController();
    void watchLeases(api, namespace, peers, watch.signal);
  };
  if (awayMs === 0) unblind();
  else setTimeout(unblind, awayMs);
  const crash = async (): Promise<void> => {
    watch.abort();
    await peers.stop();
    api.close();
  };
  ends.push(crash);
  await until(() => peers.synced);
  return { peers, crash, blind: () => watch.abort(), unblind };
}

const own = (pod: string, more: Partial<Registration> = {}): Registration =>
  registrationOf(pod, { namespace, ...more });

const pathOf = (pod: string): string =>
  `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${leaseName(pod)}`;

interface LeaseObject {
  readonly metadata: {
    readonly uid: string;
    readonly annotations: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid: string }[];
  };
  readonly spec: { readonly holderIdentity: string; readonly renewTime: string };
}

async function stored(pod: string): Promise<LeaseObject | undefined> {
  const { code, body } = await plane().request('GET', pathOf(pod));
  return code === 200 ? (body as LeaseObject) : undefined;
}

const patch = (pod: string, body: unknown) =>
  plane().request('PATCH', pathOf(pod), body, { contentType: 'application/merge-patch+json' });

const peerOf = ({ peers }: Started, pod: string) => peers.peers.get(pod);

/** Two pods that are registered, and see each other. */
async function registered(
  one: string,
  other: string,
  more: Partial<LeasePeersOptions> = {},
): Promise<readonly [Started, Started]> {
  const [a, b] = [await start(one, more), await start(other, more)];
  await Promise.all([a.peers.register(own(one)), b.peers.register(own(other))]);
  await until(() => peerOf(a, other) && peerOf(b, one));
  return [a, b];
}

/** All that a pod is taken for, for longer than a Lease and its grace last. */
async function seenOf(pod: string, by: Started): Promise<readonly (string | undefined)[]> {
  const seen = new Set<string | undefined>();
  const end = performance.now() + (lease.durationSeconds + lease.graceSeconds) * 1500;
  await until(() => {
    seen.add(peerOf(by, pod)?.liveness);
    return performance.now() > end;
  });
  return [...seen];
}

describe('registration by Lease', () => {
  test('a change is seen at once, and the Lease goes when the pod leaves', async () => {
    const slow = { ...lease, renewSeconds: 1.2 };
    const [a, b] = [await start('a'), await start('b', { lease: slow })];
    await b.peers.register(own('b'));
    await until(() => peerOf(a, 'b'));
    expect(peerOf(a, 'b')).toEqual({ ...own('b'), liveness: 'live' });
    const before = performance.now();
    await b.peers.register(own('b', { ips: ['10.0.0.9'], labels: { role: 'other' } }));
    await until(() => peerOf(a, 'b')?.ips[0] === '10.0.0.9');
    expect(performance.now() - before).toBeLessThan(slow.renewSeconds * (1 - 0.2) * 1000);
    await b.peers.deregister();
    await until(() => peerOf(a, 'b') === undefined);
    expect(await stored('b')).toBeUndefined();
    // The next renewal would have come by then.
    const later = performance.now() + slow.renewSeconds * 2000;
    await until(() => performance.now() > later);
    expect(await stored('b')).toBeUndefined();
  });

  test('a leftover Lease of the name is taken over whole at the start', async () => {
    const first = await start('a');
    await first.peers.register(own('a', { uid: 'first', held: 'hash', draining: true }));
    await first.crash();
    const second = await start('a');
    await second.peers.register(own('a', { uid: 'second' }));
    expect((await stored('a'))?.spec.holderIdentity).toBe('second');
    const watcher = await start('w');
    expect(peerOf(watcher, 'a')).toEqual({ ...own('a', { uid: 'second' }), liveness: 'live' });
  });

  test("an old pod's renewal, or its deletion, does not hit its successor's Lease", async () => {
    const old = await start('a');
    await old.peers.register(own('a', { uid: 'old' }));
    // It does not hear of it: what it writes must be refused by the server.
    old.blind();
    const successor = await start('a');
    await successor.peers.register(own('a', { uid: 'new' }));
    const seen = new Set<string | undefined>();
    const later = performance.now() + lease.renewSeconds * 5000;
    await until(async () => {
      seen.add((await stored('a'))?.spec.holderIdentity);
      return performance.now() > later;
    });
    expect([...seen]).toEqual(['new']);
    expect(old.peers.invalid[0]).toMatchObject({
      object: 'registration a',
      problems: [{ problem: expect.stringContaining('was changed by somebody else') }],
    });
    await old.peers.deregister().catch(() => undefined);
    expect((await stored('a'))?.spec.holderIdentity).toBe('new');
    expect(successor.peers.invalid).toEqual([]);
  });

  test('whoever sees another holder says so, and is there again when that one has left', async () => {
    const first = await start('a');
    await first.peers.register(own('a', { uid: 'first' }));
    const second = await start('a');
    await second.peers.register(own('a', { uid: 'second' }));
    await until(() => first.peers.invalid.length > 0);
    expect(first.peers.invalid).toEqual([
      {
        object: 'registration a',
        problems: [{ path: '', problem: expect.stringContaining('with uid second') }],
      },
    ]);
    await second.peers.deregister();
    await until(async () => (await stored('a'))?.spec.holderIdentity === 'first');
    await until(() => first.peers.invalid.length === 0);
  });

  test('a Lease that somebody deleted is made anew at once', async () => {
    const a = await start('a');
    await a.peers.register(own('a'));
    const before = await stored('a');
    await plane().request('DELETE', pathOf('a'));
    await until(async () => (await stored('a'))?.metadata.uid !== undefined, { withinMs: 3000 });
    expect((await stored('a'))?.metadata.uid).not.toBe(before?.metadata.uid);
    expect(a.peers.invalid).toEqual([]);
  });

  test('also when the watch does not tell that it was deleted', async () => {
    const a = await start('a');
    await a.peers.register(own('a'));
    a.blind();
    await plane().request('DELETE', pathOf('a'));
    await until(async () => (await stored('a')) !== undefined);
  });

  test('what somebody else changed in it is changed back, and it is renewed all the while', async () => {
    const a = await start('a');
    await a.peers.register(own('a'));
    const ips = 'agent.bindy.firestoned.io/ips';
    const edit = { metadata: { annotations: { [ips]: '10.9.9.9', note: 'kept' } } };
    expect((await patch('a', edit)).code).toBe(200);
    await until(async () => (await stored('a'))?.metadata.annotations[ips] === '10.0.0.1,fd00::1');
    expect((await stored('a'))?.metadata.annotations['note']).toBe('kept');
    expect(a.peers.invalid).toEqual([]);
  });

  test('an API server that does not answer is waited for a second, and gets the registration later', async () => {
    const a = await start('a');
    plane().apiServer.pause();
    const startedAt = performance.now();
    await expect(a.peers.register(own('a'))).rejects.toThrow('has not taken the registration');
    expect(performance.now() - startedAt).toBeLessThan(3000);
    plane().apiServer.resume();
    await until(async () => (await stored('a')) !== undefined);
    await a.peers.register(own('a'));
  });

  test('what the server refuses is told as it says it', async () => {
    const a = await start('a');
    const elsewhere = await start('b', { namespace: 'no-such-namespace' });
    const registration = own('b', { namespace: 'no-such-namespace' });
    await expect(elsewhere.peers.register(registration)).rejects.toThrow('no-such-namespace');
    expect(elsewhere.peers.invalid[0]?.problems[0]?.problem).toContain('"no-such-namespace"');
    expect(a.peers.invalid).toEqual([]);
  });
});

describe('peers by Lease', () => {
  test('a clock that is hours off, here or there, makes nobody silent and nobody live', async () => {
    const off: Clock = { ...systemClock, now: () => Date.now() - 7_200_000 };
    const [a, b] = [await start('a'), await start('b', { clock: off })];
    await b.peers.register(own('b'));
    await until(() => peerOf(a, 'b'));
    expect(await seenOf('b', a)).toEqual(['live']);
  });

  test('a Lease that nobody has renewed for long is nobody to a pod that starts now', async () => {
    const [a, b] = await registered('a', 'b');
    await b.crash();
    await until(() => peerOf(a, 'b') === undefined);
    expect(await stored('b')).toBeDefined();
    const later = await start('c');
    const seen = new Set<string | undefined>();
    await until(() => {
      seen.add(peerOf(later, 'b')?.liveness);
      return peerOf(later, 'b') === undefined;
    });
    expect(seen).not.toContain('live');
  });

  test('one that could not renew while the API server was away is waited for, but not without end', async () => {
    const dead = await start('dead');
    await dead.peers.register(own('dead'));
    await dead.crash();
    const later = await start('later', {}, 2 * lease.durationSeconds * 1000);
    expect(await seenOf('dead', later)).not.toContain('live');
  });

  test('nobody is taken for gone who could not renew while the API server was away', async () => {
    const api = apiAt(plane());
    ends.push(async () => api.close());
    let away = false;
    const request: HttpApi['request'] = async (...args) =>
      away ? { ok: false, code: 503, reason: '', message: 'away' } : api.request(...args);
    const [dead, cutOff] = await registered('dead', 'cut-off', { api: { request } });
    await dead.crash();
    away = true;
    await seenOf('dead', cutOff);
    // It can renew as soon as the first Lease is listed.
    const changed = (): void => {
      away = false;
    };
    const later = await start('later', { lease: { ...lease, renewSeconds: 3 }, changed }, 1200);
    const seen = [...later.peers.peers].map(([pod, { liveness }]) => `${pod} ${liveness}`);
    expect(seen).toEqual(['cut-off live']);
  });

  test('nobody falls silent while renewals are not heard', async () => {
    const [a, b] = await registered('a', 'b');
    a.blind();
    expect(await seenOf('b', a)).toEqual(['live']);
    await b.crash();
    a.unblind();
    await until(() => peerOf(a, 'b')?.liveness === 'silent');
  });

  test('nobody falls silent while the API server takes no renewals', async () => {
    const api = apiAt(plane());
    ends.push(async () => api.close());
    let full = false;
    const request: HttpApi['request'] = async (...args) =>
      full
        ? { ok: false, code: 500, reason: '', message: 'etcdserver: mvcc: database space exceeded' }
        : api.request(...args);
    const [a, b] = await registered('a', 'b', { api: { request } });
    full = true;
    expect(await Promise.all([seenOf('b', a), seenOf('a', b)])).toEqual([['live'], ['live']]);
    await b.crash();
    full = false;
    await until(() => peerOf(a, 'b')?.liveness === 'silent');
  });

  test('a Lease that is wrong is told, and stands for nobody', async () => {
    const [a, b] = [await start('a'), await start('b')];
    await b.peers.register(own('b'));
    await until(() => peerOf(a, 'b'));
    await b.crash();
    await patch('b', { metadata: { annotations: { 'agent.bindy.firestoned.io/dns-port': 'x' } } });
    await until(() => peerOf(a, 'b') === undefined);
    expect(a.peers.invalid).toEqual([
      {
        object: `Lease ${namespace}/bind9-agent.b`,
        problems: [{ path: 'dnsPort', problem: 'want a port, 1 to 65535, got "x"' }],
      },
    ]);
  });
});

describe('a Lease and its Pod', () => {
  test('the Lease of a deleted Pod is collected, and its successor gets one of its own', async () => {
    const { uid } = await plane().pod({ namespace, name: 'a' });
    const first = await start('a', { ownerUid: uid });
    await first.peers.register(own('a', { uid }));
    const watcher = await start('w');
    await until(() => peerOf(watcher, 'a'));
    await first.crash();
    await plane().kubectl(['-n', namespace, 'delete', 'pod', 'a', '--grace-period=0', '--force']);
    await until(() => peerOf(watcher, 'a') === undefined);
    expect(await stored('a')).toBeUndefined();
    const { uid: next } = await plane().pod({ namespace, name: 'a' });
    const second = await start('a', { ownerUid: next });
    await second.peers.register(own('a', { uid: next }));
    await until(() => peerOf(watcher, 'a')?.uid === next);
    expect((await stored('a'))?.metadata.ownerReferences).toEqual([
      expect.objectContaining({ kind: 'Pod', uid: next }),
    ]);
  });

  test('a successor that starts before the old Lease is collected is not collected with it', async () => {
    const { uid } = await plane().pod({ namespace, name: 'a' });
    const first = await start('a', { ownerUid: uid });
    await first.peers.register(own('a', { uid }));
    await first.crash();
    await plane().kubectl(['-n', namespace, 'delete', 'pod', 'a', '--grace-period=0', '--force']);
    const { uid: next } = await plane().pod({ namespace, name: 'a' });
    const second = await start('a', { ownerUid: next });
    await second.peers.register(own('a', { uid: next }));
    const later = performance.now() + 2000;
    await until(() => performance.now() > later);
    expect((await stored('a'))?.spec.holderIdentity).toBe(next);
    expect(second.peers.invalid).toEqual([]);
  });

  test('a wrong uid of the Pod is told, and not tried without end', async () => {
    const a = await start('a', { ownerUid: 'no-pods-uid' });
    await a.peers.register(own('a', { uid: 'no-pods-uid' }));
    await until(() => a.peers.invalid.length > 0);
    expect(a.peers.invalid[0]?.problems[0]?.problem).toContain('want pod.uid to be the uid of Pod');
    const versions = new Set<string | undefined>();
    const later = performance.now() + 2000;
    await until(async () => {
      versions.add((await stored('a'))?.metadata.uid);
      return performance.now() > later;
    });
    expect(versions.size).toBeLessThan(5);
  });
});
