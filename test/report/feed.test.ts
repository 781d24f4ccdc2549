import { expect, test } from 'vitest';
import { Feed } from '../../agent/report/feed.ts';
import type { ZoneCopy } from '../../agent/report/zone-copy.ts';

const feedOf = (options: { pageSize?: number; goneLimit?: number; epoch?: string } = {}): Feed =>
  new Feed({ pod: 'secondary-0', uid: 'uid-0', epoch: 'e1', gatherMs: 5, ...options });

const copy = (object: string, serial = 1, more: Partial<ZoneCopy> = {}): ZoneCopy => ({
  zone: `${object}.example`,
  object: `default/${object}`,
  role: 'secondary',
  state: 'Current',
  serial,
  ...more,
});

const never = new AbortController().signal;

test('tells everything at first, then only what changed, each zone once with its newest state', () => {
  const feed = feedOf();
  feed.put(copy('a'));
  feed.put(copy('b'));
  const first = feed.since(0);
  expect(first).toMatchObject({
    pod: 'secondary-0',
    uid: 'uid-0',
    seq: 2,
    full: true,
    more: false,
  });
  expect(first.zones.map(({ object, seq }) => [object, seq])).toEqual([
    ['default/a', 1],
    ['default/b', 2],
  ]);
  feed.put(copy('a', 2));
  feed.put(copy('a', 3));
  expect(feed.since(2, 'e1')).toMatchObject({
    seq: 4,
    full: false,
    zones: [{ serial: 3, seq: 4 }],
  });
  expect(feed.since(4, 'e1')).toMatchObject({ seq: 4, zones: [], gone: [] });
});

test('a copy in which nothing changed is no news, one that lost its reason is', () => {
  const feed = feedOf();
  const told = feed.put(copy('a', 1, { reason: 'Refused', message: 'm' }));
  expect(feed.put(copy('a', 1, { message: 'm', reason: 'Refused' }))).toBe(told);
  expect(feed.put(copy('a', 1))).not.toBe(told);
  expect(feed.since(1, 'e1').zones[0]).not.toHaveProperty('reason');
});

test('tells what is gone, unless it came back', () => {
  const feed = feedOf();
  feed.put(copy('a'));
  feed.put(copy('b'));
  feed.drop('default/a');
  feed.drop('default/b');
  feed.drop('default/never');
  feed.put(copy('b'));
  const page = feed.since(2, 'e1');
  expect(page.gone).toEqual(['default/a']);
  expect(page.zones.map(({ object }) => object)).toEqual(['default/b']);
  expect(feed.since(0).gone).toEqual([]);
});

test('a number of another epoch, or one from the future, gets a whole account', () => {
  const feed = feedOf({ epoch: 'e2' });
  feed.put(copy('a'));
  feed.put(copy('b'));
  expect(feed.since(2, 'e1')).toMatchObject({ full: true, zones: [{}, {}], epoch: 'e2' });
  expect(feed.since(99, 'e2')).toMatchObject({ full: true, zones: [{}, {}] });
});

test('a large account comes in pages, and changes meanwhile are not missed', () => {
  const feed = feedOf({ pageSize: 2 });
  for (const name of ['a', 'b', 'c']) feed.put(copy(name));
  const first = feed.since(0);
  expect(first).toMatchObject({ full: true, more: true, seq: 2 });
  feed.put(copy('a', 2));
  feed.drop('default/b');
  const second = feed.since(first.seq, first.epoch);
  expect(second).toMatchObject({ full: false, more: false, seq: 5, gone: ['default/b'] });
  expect(second.zones.map(({ object }) => object)).toEqual(['default/c', 'default/a']);
});

test('more removals than are remembered start a new epoch, also in the middle of an account', () => {
  const feed = feedOf({ goneLimit: 2, pageSize: 1 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) feed.put(copy(name));
  const { epoch, seq } = feed.since(0);
  for (const name of ['a', 'b', 'c']) feed.drop(`default/${name}`);
  const again = feed.since(seq, epoch);
  expect(again).toMatchObject({ full: true, more: true, zones: [{ object: 'default/d' }] });
  expect(feed.since(again.seq, again.epoch)).toMatchObject({
    full: false,
    more: false,
    zones: [{ object: 'default/e' }],
  });
});

test('who waits is answered by the next change, together with those that come right after it', async () => {
  const feed = feedOf();
  feed.put(copy('a'));
  const waiting = feed.wait(1, 'e1', 60_000, never);
  feed.put(copy('b'));
  feed.put(copy('c'));
  expect((await waiting).zones.map(({ object }) => object)).toEqual(['default/b', 'default/c']);
  expect((await feed.wait(1, 'e1', 60_000, never)).zones).toHaveLength(2);
});

test('who waits in vain is answered when the time is over, the client is gone, or the feed ends', async () => {
  const feed = feedOf();
  feed.put(copy('a'));
  expect(await feed.wait(1, 'e1', 1, never)).toMatchObject({ seq: 1, zones: [] });
  const gone = new AbortController();
  const left = feed.wait(1, 'e1', 60_000, gone.signal);
  gone.abort();
  expect((await left).zones).toEqual([]);
  const open = feed.wait(1, 'e1', 60_000, never);
  feed.close();
  expect((await open).zones).toEqual([]);
  expect((await feed.wait(1, 'e1', 60_000, never)).zones).toEqual([]);
});
