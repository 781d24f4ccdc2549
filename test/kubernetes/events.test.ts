import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import type { ClusterEvent } from '../../agent/observe/cluster.ts';
import type { HttpApi } from '../../agent/observe/kubernetes/api.ts';
import {
  type EventResult,
  EventWriter,
  type EventWriterOptions,
} from '../../agent/observe/kubernetes/event-writer.ts';
import { metadataOf } from '../../agent/observe/kubernetes/object-parts.ts';
import type { ObjectKey } from '../../agent/resources/types.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { until } from '../rig/until.ts';
import { installOwnZones } from './bindy-crd.ts';
import { apiAt } from './clusters.ts';
import { deleteZone, makeZone, readZone } from './zone-cache.ts';

const plane = useControlPlane({}, installOwnZones);

let api: HttpApi;
let namespace: string;
let zone: ObjectKey;
let uid: string;
let writers: EventWriter[];
let results: EventResult[];

beforeAll(async () => {
  api = apiAt(plane());
});
afterAll(() => api?.close());

beforeEach(async () => {
  writers = [];
  results = [];
  namespace = await plane().namespace();
  zone = await makeZone(plane(), namespace, 'example');
  uid = String(metadataOf(await readZone(plane(), zone))['uid']);
});
afterEach(() => {
  for (const writer of writers) writer.stop();
});

function open(more: Partial<EventWriterOptions> = {}): EventWriter {
  // A writer may still be busy when its test has ended.
  const own = results;
  const writer = new EventWriter({
    api,
    namespace,
    pod: 'primary-dns-0',
    uidOf: (key) => (key === zone ? uid : undefined),
    clock: systemClock,
    newId: randomUUID,
    counted: (result) => own.push(result),
    limits: { seriesMs: 200 },
    ...more,
  });
  writers.push(writer);
  writer.start();
  return writer;
}

const event = (note: string, more: Partial<ClusterEvent> = {}): ClusterEvent => ({
  about: { kind: 'DNSZone', key: zone },
  type: 'Warning',
  reason: 'TransferFailed',
  action: 'Transfer',
  note,
  ...more,
});

interface EventObject {
  readonly note: string;
  readonly type: string;
  readonly series?: { readonly count: number };
}

async function stored(): Promise<readonly EventObject[]> {
  const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
  const { body } = await plane().request('GET', path);
  return (body as { readonly items: readonly EventObject[] }).items;
}

const describe = (...what: string[]): Promise<string> =>
  plane().kubectl(['-n', namespace, 'describe', ...what]);

test('kubectl describe tells what happened to a zone, what happened again in one line', async () => {
  const writer = open();
  writer.event(event('secondary dns-1 (10.0.0.2): refused'));
  await until(async () => (await stored()).length === 1);
  for (let n = 0; n < 4; n++) writer.event(event('secondary dns-1 (10.0.0.2): refused'));
  writer.event(
    event('secondary dns-1 (10.0.0.2) serves it again', {
      type: 'Normal',
      reason: 'TransferRecovered',
    }),
  );
  await until(async () => (await stored()).some(({ series }) => series?.count === 5));
  expect((await stored()).map(({ note, series }) => [note, series?.count])).toEqual(
    expect.arrayContaining([
      ['secondary dns-1 (10.0.0.2): refused', 5],
      ['secondary dns-1 (10.0.0.2) serves it again', undefined],
    ]),
  );
  expect(await stored()).toHaveLength(2);
  const text = await describe('dnszone', 'example');
  expect(text).toMatch(
    /Warning +TransferFailed +\S+ \(x5 over \S+\) +bindy\.firestoned\.io\/agent +secondary dns-1 \(10\.0\.0\.2\): refused/,
  );
  expect(text).toMatch(/Normal +TransferRecovered .* serves it again/);
  expect(results).toEqual(['written', 'written', 'written']);
});

test('what happens often in a moment is one event with its count, and few writes', async () => {
  const writer = open();
  for (let n = 0; n < 1000; n++) writer.event(event('the same'));
  await until(async () => (await stored())[0]?.series?.count === 1000);
  expect(results.length).toBeLessThanOrEqual(2);
});

test('a pod has its events too', async () => {
  const { uid: podUid } = await plane().pod({ namespace, name: 'primary-dns-0' });
  open({ podUid }).event(event('a plan is held', { about: { kind: 'Pod' }, reason: 'Held' }));
  await until(async () => (await describe('pod', 'primary-dns-0')).includes('a plan is held'));
});

test('of too many, warnings are told and the rest is left out and counted', async () => {
  const writer = open({ limits: { burst: 10, perSecond: 10, waiting: 20 } });
  for (let n = 0; n < 100; n++) writer.event(event(`news ${n}`, { type: 'Normal' }));
  for (let n = 0; n < 15; n++) writer.event(event(`warning ${n}`));
  const warnings = async () => (await stored()).filter(({ type }) => type === 'Warning');
  await until(async () => (await warnings()).length === 15);
  await until(() => results.filter((each) => each === 'dropped').length >= 95);
  expect((await stored()).length).toBeLessThanOrEqual(21);
});

test('an event whose first object is gone, or whose sentence is too long, is told all the same', async () => {
  const writer = open();
  writer.event(event('ü'.repeat(2000)));
  await until(async () => (await stored()).length === 1);
  const [first] = await stored();
  expect(Buffer.byteLength(first?.note ?? '')).toBeLessThanOrEqual(1024);
  expect(first?.note).toMatch(/^ü+…$/);
  await plane().kubectl(['-n', namespace, 'delete', 'events', '--all']);
  writer.event(event('ü'.repeat(2000)));
  await until(() => results.includes('refused'));
  expect(writer.problem).toBeUndefined();
  writer.event(event('ü'.repeat(2000)));
  await until(async () => (await stored()).length === 1);
});

test('what happens to a zone that was made anew under its name is told of that one', async () => {
  const writer = open();
  writer.event(event('x'));
  await until(async () => (await stored()).length === 1);
  await deleteZone(plane(), zone);
  await makeZone(plane(), namespace, 'example');
  uid = String(metadataOf(await readZone(plane(), zone))['uid']);
  writer.event(event('x'));
  await until(async () => (await describe('dnszone', 'example')).includes('TransferFailed'));
});

test('a zone that is not known any more has no events', async () => {
  const writer = open();
  writer.event(event('x', { about: { kind: 'DNSZone', key: `${namespace}/other` as ObjectKey } }));
  expect(results).toEqual(['dropped']);
});

test('what the server has against events is known until it takes one', async () => {
  const tokenFile = join(plane().folder, 'pod-token');
  const account = { namespace, serviceAccount: 'agent' };
  await plane().request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, {
    metadata: { name: account.serviceAccount },
  });
  await writeFile(tokenFile, await plane().tokenFor(account));
  const unprivileged = apiAt(plane(), { tokenFile });
  let changes = 0;
  const changed = (): void => {
    changes += 1;
  };
  const writer = open({ api: unprivileged, changed });
  writer.event(event('a'));
  await until(() => writer.problem?.includes('cannot create resource "events"'));
  expect(changes).toBe(1);
  const role = {
    metadata: { name: 'events' },
    rules: [{ apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create'] }],
  };
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  await plane().request('POST', `${rbac}/roles`, role);
  await plane().kubectl([
    '-n',
    namespace,
    'create',
    'rolebinding',
    'events',
    '--role=events',
    `--serviceaccount=${namespace}:agent`,
  ]);
  await until(async () => {
    writer.event(event(`b ${changes} ${results.length}`));
    return writer.problem === undefined;
  });
  expect(changes).toBe(2);
  unprivileged.close();
});
