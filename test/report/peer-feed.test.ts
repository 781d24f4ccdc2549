import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import { type FeedPeer, PeerFeeds, pauseAfter } from '../../agent/observe/peer-feed.ts';
import { parsePage } from '../../agent/observe/peer-page.ts';
import { Feed, type FeedPage } from '../../agent/report/feed.ts';
import type { ZoneCopy } from '../../agent/report/zone-copy.ts';
import { until, untilEqual } from '../rig/until.ts';

/** A peer as far as its feed goes. */
class PeerStub {
  feed: Feed;
  readonly asked: URLSearchParams[] = [];
  /** Answers instead of the feed. */
  instead: string | undefined;
  #server: Server | undefined;
  #port = 0;

  constructor(epoch = 'e1') {
    this.feed = new Feed({ pod: 'peer-0', uid: 'uid-0', epoch, gatherMs: 1 });
  }

  async start(): Promise<void> {
    const server = createServer(async (request, response) => {
      const query = new URL(`http://peer${request.url}`).searchParams;
      this.asked.push(query);
      const { signal } = new AbortController();
      const page = await this.feed.wait(
        Number(query.get('since')),
        query.get('epoch') ?? undefined,
        Number(query.get('wait')) * 1000,
        signal,
      );
      response.end(this.instead ?? JSON.stringify(page));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
  }

  get peer(): FeedPeer {
    return {
      ...{ pod: 'peer-0', uid: 'uid-0', address: '127.0.0.1', port: this.#port },
      purpose: 'copies',
    };
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.feed.close();
    server?.closeAllConnections();
    await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  }
}

const copy = (object: string, serial = 1): ZoneCopy => ({
  zone: `${object}.example`,
  object: `default/${object}`,
  role: 'secondary',
  state: 'Current',
  serial,
});

let stub: PeerStub;
let feeds: PeerFeeds;
let pages: FeedPage[];

/** What the pages add up to, as their receiver would have it. */
const known = (): Record<string, number | undefined> => {
  const copies = new Map<string, number | undefined>();
  for (const { full, zones, gone } of pages) {
    if (full) copies.clear();
    for (const { object, serial } of zones) copies.set(object, serial);
    for (const object of gone) copies.delete(object);
  }
  return Object.fromEntries([...copies].sort());
};

beforeEach(async () => {
  pages = [];
  stub = new PeerStub();
  await stub.start();
  feeds = new PeerFeeds({
    clock: { ...systemClock, sleep: (_ms, signal) => systemClock.sleep(5, signal) },
    random: () => 0,
    onPage: (_pod, page) => pages.push(page),
  });
});

afterEach(async () => {
  await feeds.close();
  await stub.stop();
});

test('hands over what a peer has and each change of it, and asks only for what it does not know', async () => {
  stub.feed.put(copy('a'));
  feeds.follow([stub.peer]);
  await untilEqual(known, { 'default/a': 1 });
  stub.feed.put(copy('b', 7));
  stub.feed.drop('default/a');
  await untilEqual(known, { 'default/b': 7 });
  expect(feeds.stateOf('peer-0')).toEqual({ kind: 'answering' });
  const last = stub.asked.at(-1);
  expect(last?.get('epoch')).toBe('e1');
  expect(Number(last?.get('since'))).toBeGreaterThan(0);
  expect(last?.get('wait')).toBe('20');
});

test('a peer that is silent is marked so, asked again, and heard as soon as it answers', async () => {
  await stub.stop();
  feeds.follow([stub.peer]);
  await until(() => feeds.stateOf('peer-0').kind === 'silent');
  expect(feeds.stateOf('peer-0')).toMatchObject({
    why: expect.stringMatching(/^127\.0\.0\.1 port \d+ does not answer: .*ECONNREFUSED/),
  });
  stub.feed = new Feed({ pod: 'peer-0', uid: 'uid-0', epoch: 'e1', gatherMs: 1 });
  stub.feed.put(copy('a'));
  await stub.start();
  await untilEqual(known, { 'default/a': 1 });
  expect(feeds.stateOf('peer-0')).toEqual({ kind: 'answering' });
});

test('a restarted peer is heard anew: what it had before is forgotten', async () => {
  stub.feed.put(copy('old'));
  feeds.follow([stub.peer]);
  await untilEqual(known, { 'default/old': 1 });
  const before = stub.feed;
  stub.feed = new Feed({ pod: 'peer-0', uid: 'uid-0', epoch: 'e2', gatherMs: 1 });
  stub.feed.put(copy('new'));
  before.close();
  await untilEqual(known, { 'default/new': 1 });
});

test('another pod at the address is not taken for the peer', async () => {
  stub.feed.put(copy('a'));
  feeds.follow([{ ...stub.peer, uid: 'uid-of-before' }]);
  await until(() => feeds.stateOf('peer-0').kind === 'silent');
  expect(feeds.stateOf('peer-0')).toMatchObject({
    why: expect.stringContaining('answers as pod peer-0, uid uid-0'),
  });
  expect(pages).toEqual([]);
});

test.each([
  ['no JSON', 'not json'],
  ['another document', '{"zones":[]}'],
])('an answer that is %s makes the peer silent, and nothing else', async (_, instead) => {
  stub.instead = instead;
  feeds.follow([stub.peer]);
  await until(() => feeds.stateOf('peer-0').kind === 'silent');
  expect(pages).toEqual([]);
});

test('a peer that never answers is given up after its time', async () => {
  const hanging = createServer(() => undefined);
  await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
  const { port } = hanging.address() as AddressInfo;
  const impatient = new PeerFeeds({
    clock: systemClock,
    random: () => 0,
    onPage: () => undefined,
    timeoutMs: 30,
  });
  impatient.follow([{ ...stub.peer, port }]);
  await until(() => impatient.stateOf('peer-0').kind === 'silent');
  expect(impatient.stateOf('peer-0')).toMatchObject({
    why: expect.stringContaining('does not answer within 30 ms'),
  });
  await impatient.close();
  hanging.closeAllConnections();
  await new Promise<void>((resolve) => hanging.close(() => resolve()));
});

test('following the same peers again disturbs no open question; one that is gone is not asked any more', async () => {
  feeds.follow([stub.peer]);
  await until(() => stub.asked.length > 1);
  const asked = stub.asked.length;
  feeds.follow([stub.peer]);
  stub.feed.put(copy('a'));
  await untilEqual(known, { 'default/a': 1 });
  expect(stub.asked.length).toBeLessThanOrEqual(asked + 1);
  feeds.follow([]);
  expect(feeds.stateOf('peer-0')).toEqual({ kind: 'not-asked' });
  const pagesBefore = pages.length;
  stub.feed.put(copy('b'));
  await feeds.close();
  expect(pages.length).toBe(pagesBefore);
});

test('a peer that is followed for something else tells everything anew', async () => {
  stub.feed.put(copy('a'));
  feeds.follow([{ ...stub.peer, purpose: 'life' }]);
  await until(() => stub.asked.length > 1);
  pages.length = 0;
  feeds.follow([stub.peer]);
  await until(() => pages.length > 0);
  expect(pages[0]).toMatchObject({ full: true, zones: [{ object: copy('a').object }] });
});

test('closing does not wait for an open question', async () => {
  feeds.follow([stub.peer]);
  await until(() => stub.asked.length > 1);
  const before = performance.now();
  await feeds.close();
  expect(performance.now() - before).toBeLessThan(500);
});

test('pauses grow up to half a minute, and differ from peer to peer', () => {
  expect(pauseAfter(0, () => 0)).toBe(250);
  expect(pauseAfter(0, () => 1)).toBe(500);
  expect(pauseAfter(3, () => 1)).toBe(4000);
  expect(pauseAfter(50, () => 1)).toBe(30_000);
});

test('words that this version does not know are left out, the rest of the page is used', () => {
  const zone = { ...copy('a'), seq: 1 };
  const page = {
    pod: 'peer-0',
    uid: 'uid-0',
    epoch: 'e1',
    seq: 4,
    full: false,
    more: false,
    gone: ['default/x', 7],
    zones: [
      {
        ...zone,
        reason: 'OutOfPatience',
        method: 'XoT',
        expiresAt: 'soon',
        serial: -1,
        extra: true,
      },
      { ...zone, state: 'Pondering' },
      { ...zone, object: undefined },
      { ...zone, message: 'm'.repeat(5000) },
    ],
  };
  const read = parsePage(page);
  const { serial: _, ...bare } = zone;
  expect(read?.zones[0]).toEqual(bare);
  expect(read?.zones).toHaveLength(2);
  expect(read?.zones[1]?.message).toHaveLength(1000);
  expect(read?.gone).toEqual(['default/x']);
  expect(parsePage({ ...page, seq: 'x' })).toBeUndefined();
  expect(parsePage(null)).toBeUndefined();
});
