import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  leaseName,
  leaseOf,
  microTime,
  registrationOf as read,
  renewalOf,
  writtenAt,
} from '../../agent/observe/kubernetes/lease.ts';
import type { Registration } from '../../agent/plan/registration.ts';
import { registrationOf } from './contract.ts';

const terms = {
  ownerUid: 'uid-of-pod',
  durationSeconds: 120,
  renewedAt: Date.parse('2026-11-21T09:00:00.123Z'),
};

const podName = fc
  .stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
  .chain((label) => fc.integer({ min: 1, max: 11 }).map((n) => Array(n).fill(label).join('.')));
const registrations: fc.Arbitrary<Registration> = fc.record(
  {
    pod: podName,
    uid: fc.uuid(),
    namespace: fc.constantFrom('default', 'dns'),
    role: fc.constantFrom('primary' as const, 'secondary' as const),
    cluster: fc.oneof(fc.string(), fc.string({ minLength: 60, maxLength: 300 }), podName),
    instance: fc.oneof(fc.string(), podName),
    ips: fc.uniqueArray(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 4 }),
    dnsPort: fc.integer({ min: 1, max: 65535 }),
    httpPort: fc.integer({ min: 1, max: 65535 }),
    labels: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
    version: fc.string(),
    keys: fc.array(fc.string()),
    draining: fc.boolean(),
    held: fc.string(),
  },
  { requiredKeys: Object.keys(registrationOf('x')) as (keyof Registration)[] },
);

const labelsOf = (lease: Readonly<Record<string, unknown>>): Record<string, string> =>
  (lease['metadata'] as { labels: Record<string, string> }).labels;

describe('a Lease', () => {
  test('gives back the registration that it was made from, whatever stands in it', () => {
    fc.assert(
      fc.property(registrations, (registration) => {
        const lease = JSON.parse(JSON.stringify(leaseOf(registration, terms)));
        expect(read(lease)).toEqual({ ok: true, value: registration });
      }),
    );
  });

  test('has a name and labels that the API server takes', () => {
    fc.assert(
      fc.property(registrations, (registration) => {
        const name = leaseName(registration.pod);
        expect(name.length).toBeLessThanOrEqual(253);
        expect(name).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/);
        for (const value of Object.values(labelsOf(leaseOf(registration, terms)))) {
          expect(value.length).toBeLessThanOrEqual(63);
          expect(value).toMatch(/^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/);
        }
      }),
    );
  });

  test('of different pods has different names, also where they are cut', () => {
    const long = (last: string): string => `${'a'.repeat(240)}.${last.repeat(12)}`;
    expect(leaseName(long('b'))).not.toBe(leaseName(long('c')));
    expect(leaseName('primary-dns-0')).toBe('bind9-agent.primary-dns-0');
    const dotted = `${'a'.repeat(187)}.${'b'.repeat(60)}`;
    expect(leaseName(dotted)).toMatch(/a-[0-9a-f]{32}$/);
  });

  test('can be selected by role, cluster and instance, and belongs to its Pod', () => {
    expect(leaseOf(registrationOf('pod-a'), terms)).toEqual({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: {
        name: 'bind9-agent.pod-a',
        namespace: 'default',
        labels: {
          'app.kubernetes.io/managed-by': 'bind9-agent',
          role: 'primary',
          cluster: 'main',
          instance: 'primary-dns',
        },
        annotations: {
          'agent.bindy.firestoned.io/ips': '10.0.0.1,fd00::1',
          'agent.bindy.firestoned.io/dns-port': '53',
          'agent.bindy.firestoned.io/http-port': '8055',
          'agent.bindy.firestoned.io/labels': '{"role":"primary"}',
          'agent.bindy.firestoned.io/version': '0.1.0',
          'agent.bindy.firestoned.io/keys': '["cluster"]',
          'agent.bindy.firestoned.io/draining': 'false',
        },
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'pod-a', uid: 'uid-of-pod' }],
      },
      spec: {
        holderIdentity: 'uid-of-pod-a',
        leaseDurationSeconds: 120,
        renewTime: '2026-11-21T09:00:00.123000Z',
      },
    });
  });

  test('that is wrong is told whole, and stands for nobody', () => {
    const lease = leaseOf(registrationOf('pod-a'), terms);
    const metadata = lease['metadata'] as Record<string, unknown>;
    const broken = (annotations: Record<string, string>) =>
      read({ ...lease, metadata: { ...metadata, annotations } });
    expect(
      broken({
        ...(metadata['annotations'] as Record<string, string>),
        'agent.bindy.firestoned.io/ips': '10.0.0.1,10.0.0.256',
        'agent.bindy.firestoned.io/dns-port': '53a',
        'agent.bindy.firestoned.io/labels': '{',
        'agent.bindy.firestoned.io/draining': 'yes',
      }),
    ).toEqual({
      ok: false,
      problems: [
        { path: 'ips', problem: 'want a list of IP addresses, got ["10.0.0.1","10.0.0.256"]' },
        { path: 'dnsPort', problem: 'want a port, 1 to 65535, got "53a"' },
        { path: 'labels', problem: 'want a map of texts, got "{"' },
        { path: 'draining', problem: 'want true or false, got "yes"' },
      ],
    });
    expect(broken({}).ok).toBe(false);
    expect(read({ metadata: { name: 'another-lease' } })).toMatchObject({ ok: false });
    expect(read({})).toMatchObject({ ok: false });
  });

  test('under the name of another pod is told', () => {
    const lease = leaseOf(registrationOf('pod-a'), terms);
    const metadata = lease['metadata'] as Record<string, unknown>;
    const annotations = { 'agent.bindy.firestoned.io/pod': 'pod-b' };
    expect(read({ ...lease, metadata: { ...metadata, annotations } })).toEqual({
      ok: false,
      problems: [{ path: 'name', problem: 'want bind9-agent.pod-b, got bind9-agent.pod-a' }],
    });
  });

  test('differs with each renewal and with each holder, and with nothing else', () => {
    const lease = leaseOf(registrationOf('pod-a'), terms);
    const later = leaseOf(registrationOf('pod-a'), { ...terms, renewedAt: terms.renewedAt + 1 });
    const other = leaseOf(registrationOf('pod-a', { uid: 'other' }), terms);
    const draining = leaseOf(registrationOf('pod-a', { draining: true }), terms);
    expect(new Set([lease, later, other].map(renewalOf)).size).toBe(3);
    expect(renewalOf(draining)).toBe(renewalOf(lease));
  });

  test('was written when the API server says so', () => {
    const managedFields = [{ time: '2026-11-21T09:00:00Z' }, { time: '2026-11-21T10:00:00Z' }, {}];
    expect(writtenAt({ metadata: { managedFields } })).toBe(Date.parse('2026-11-21T10:00:00Z'));
    expect(writtenAt({ metadata: {} })).toBeUndefined();
  });

  test('has times of six digits', () => {
    expect(microTime(0)).toBe('1970-01-01T00:00:00.000000Z');
  });
});
