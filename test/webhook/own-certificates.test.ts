import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TransientError } from '../../agent/problem.ts';
import type { CertificateSet } from '../../agent/webhook/certificate-set.ts';
import { makeCertificate } from '../../agent/webhook/make-certificate.ts';
import {
  OwnCertificates,
  type OwnCertificatesOptions,
} from '../../agent/webhook/own-certificates.ts';
import { SimulatedTime } from './simulated-time.ts';

const VALID_MS = 600_000;
const LOOK_MS = VALID_MS / 60;
const names = ['webhook.home.svc'];
const CONFIGURATION = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/w';

/** An API server: it takes its time, is away at times, and takes no write that was made for an older version. */
class Store {
  readonly time: SimulatedTime;
  readonly random: () => number;
  readonly away: readonly (readonly [from: number, to: number])[];
  secret: { readonly set: CertificateSet | undefined; readonly version: number } | undefined;
  writes = 0;
  readonly #known = new Map<string, number>();
  /** Of the configurations, with the time at which it was written. */
  readonly bundles: { readonly at: number; readonly bundle: string }[] = [{ at: 0, bundle: '' }];

  constructor(time: SimulatedTime, random: () => number, away: Store['away']) {
    this.time = time;
    this.random = random;
    this.away = away;
  }

  /** As a replica sees it that waits so long for an answer at most, in ms. */
  seenBy(latencyMs: number): Pick<OwnCertificatesOptions, 'stored' | 'bundles'> {
    const reach = async (): Promise<void> => {
      await this.time.sleep(this.random() * latencyMs);
      const now = this.time.monotonic();
      if (this.away.some(([from, to]) => now >= from && now < to))
        throw new TransientError('the API server is away');
    };
    return {
      stored: {
        read: async () => {
          await reach();
          const { set, version } = this.secret ?? {};
          return { set, resourceVersion: version === undefined ? undefined : String(version) };
        },
        write: async (set, { resourceVersion }) => {
          await reach();
          const found = this.secret === undefined ? undefined : String(this.secret.version);
          if (found !== resourceVersion) return false;
          this.writes += 1;
          this.secret = { set, version: this.writes };
          return true;
        },
      },
      bundles: {
        read: async () => {
          await reach();
          const { bundle = '' } = this.bundles.at(-1) ?? {};
          return [
            {
              path: CONFIGURATION,
              resourceVersion: String(this.bundles.length),
              bundles: [bundle],
            },
          ];
        },
        write: async ([found], bundle) => {
          if (found?.bundles[0] === bundle) return true;
          await reach();
          if (found?.resourceVersion !== String(this.bundles.length)) return false;
          this.bundles.push({ at: this.time.monotonic(), bundle });
          return true;
        },
      },
    };
  }

  /** Until when a certificate is good for an API server that trusts what was written by then, in ms since 1970. */
  readonly trusting = (certificate: string, at: number): number => {
    const bundle = this.bundles.findLast((each) => each.at <= at)?.bundle ?? '';
    const key = `${certificate}${bundle}`;
    const until = this.#known.get(key) ?? goodUntil(certificate, bundle);
    this.#known.set(key, until);
    return until;
  };
}

function goodUntil(certificate: string, bundle: string): number {
  const read = new X509Certificate(certificate);
  const signed = authoritiesIn(bundle).some((each) =>
    read.verify(new X509Certificate(each).publicKey),
  );
  return signed ? read.validToDate.getTime() : 0;
}

const authoritiesIn = (bundle: string): string[] =>
  bundle.match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----/g) ?? [];

interface Running {
  certificates: OwnCertificates;
  served: string;
  readonly count: () => number;
  readonly end: () => void;
}

function start(store: Store, latencyMs = 2000): Running {
  const { time, random } = store;
  const ending = new AbortController();
  const state = { served: '', count: 0 };
  const certificates = new OwnCertificates({
    ...store.seenBy(latencyMs),
    make: (wanted) => time.busy(makeCertificate(wanted)),
    names,
    validMs: VALID_MS,
    clock: time,
    random,
    log: { info: () => undefined, warn: () => undefined },
    serve: ({ certificate }) => {
      state.served = certificate;
      state.count += 1;
    },
  });
  void certificates.run(ending.signal);
  return {
    certificates,
    get served() {
      return state.served;
    },
    count: () => state.count,
    end: () => ending.abort(),
  };
}

/** Throws where an API server would refuse what a replica serves: one that has just heard, or one that hears later. */
function check({ certificates, served }: Running, { time, trusting }: Store): void {
  const now = time.monotonic();
  // The first bundle is written when nobody is trusted yet.
  if (!certificates.ready || now < 120_000) return;
  for (const at of [now, now - LOOK_MS])
    if (trusting(served, at) <= time.now())
      throw new Error(`not trusted at ${now} by one of ${at}`);
}

/** What is trusted stays so until it has expired. */
function checkBundles({ bundles, time }: Store): void {
  for (const [index, { bundle, at }] of bundles.entries())
    for (const each of authoritiesIn(bundles[index - 1]?.bundle ?? ''))
      if (new X509Certificate(each).validToDate.getTime() > time.start + at)
        expect(bundle).toContain(each);
}

test('whatever replicas come and go, each serves what API servers trust, and all move on', async () => {
  const outage = fc.tuple(
    fc.integer({ min: 0, max: 1_200_000 }),
    fc.integer({ min: 1, max: 60_000 }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      fc.array(outage, { maxLength: 4 }),
      fc.array(fc.integer({ min: 0, max: 1_200_000 }), { minLength: 1, maxLength: 4 }),
      async (randoms, outages, restarts) => {
        const time = new SimulatedTime();
        const random = () => randoms.next().value ?? 0;
        const away = outages.map(([from, long]) => [from, from + long] as const);
        const store = new Store(time, random, away);
        const replicas = [start(store), start(store, 20_000)];
        const ends = [...restarts].sort((a, b) => a - b);
        await time.run(1_300_000, () => {
          if (time.monotonic() >= (ends[0] ?? Number.POSITIVE_INFINITY)) {
            ends.shift();
            replicas.shift()?.end();
            replicas.push(start(store));
          }
          for (const replica of replicas) check(replica, store);
        });
        const servedNow = () => new Set(replicas.map((each) => each.served));
        for (let to = 1_300_000; servedNow().size > 1 && to < 1_600_000; to += 5000)
          await time.run(to);
        const served = servedNow();
        for (const { end } of replicas) end();
        expect(served.size).toBe(1);
        // Made, then staged and promoted each 400 s or so: they do not write without need.
        expect(store.writes).toBeLessThan(40);
        expect(store.bundles.length).toBeLessThan(25);
        checkBundles(store);
        const [last = ''] = served;
        expect(new X509Certificate(last).checkHost(names[0] ?? '')).toBe(names[0]);
        expect(new X509Certificate(last).validFromDate.getTime()).toBeGreaterThan(
          time.start + 500_000 - 3_600_000,
        );
      },
    ),
    { numRuns: 8 },
  );
}, 180_000);

test('while the API server is away a new replica has a certificate for its probes, and is not ready', async () => {
  const time = new SimulatedTime();
  const store = new Store(time, () => 0.5, [[0, 60_000]]);
  const replica = start(store);
  await time.run(30_000);
  expect(replica.served).toContain('BEGIN CERTIFICATE');
  expect(replica.certificates.ready).toBe(false);
  expect(replica.certificates.problem).toBe('the API server is away');
  const first = replica.served;
  await time.run(120_000);
  expect(replica.certificates.ready).toBe(true);
  expect(replica.certificates.problem).toBeUndefined();
  // What it has made for itself is what it shares then.
  expect([store.secret?.set?.serving.certificate, replica.count()]).toEqual([first, 1]);
  replica.end();
});

test('a Secret that was lost comes back with what is served, one of others is taken over', async () => {
  const time = new SimulatedTime();
  const store = new Store(time, () => 0.5, []);
  const replica = start(store);
  await time.run(30_000);
  const { served } = replica;
  store.secret = undefined;
  await time.run(60_000);
  expect((store.secret as Store['secret'])?.set?.serving.certificate).toBe(served);
  const now = time.now();
  const { authority, ...serving } = await makeCertificate({
    names,
    from: now,
    until: now + VALID_MS,
  });
  store.secret = { set: { bundle: [authority], serving }, version: 77 };
  await time.run(90_000);
  expect(replica.served).toBe(serving.certificate);
  expect(store.bundles.at(-1)?.bundle).toBe(authority);
  replica.end();
});
