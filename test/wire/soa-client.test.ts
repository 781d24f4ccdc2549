import { createSecretKey, randomInt } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import { type SoaAnswer, SoaClient, type SoaQuery } from '../../agent/observe/dns-client.ts';
import { claimPort } from '../rig/ports.ts';
import { domain, md5, type Server, sha256, sha512, startNamed } from './named.ts';
import { smallZone } from './zone-of-all-types.ts';

const parts = { clock: systemClock, randomId: () => randomInt(65_536) };
const many = 2000;

let server: Server;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startNamed([
    { name: 'open.test', text: smallZone(7), stanza: 'allow-query { any; };' },
    {
      name: 'keyed.test',
      text: smallZone(4_294_967_295),
      stanza: 'allow-query { key "sha256.test"; };',
    },
    { name: 'broken.test', text: 'no zone', stanza: '' },
    ...Array.from({ length: many }, (_, n) => ({
      name: `z${n}.test`,
      text: smallZone(n + 1),
      stanza: '',
    })),
  ]);
});

afterAll(() => server.stop());

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function ask(query: Partial<SoaQuery> = {}, client = new SoaClient(parts)): Promise<SoaAnswer> {
  return client.soa({
    address: '127.0.0.1',
    port: server.port,
    zone: domain('open.test'),
    timeoutMs: 2000,
    attempts: 2,
    ...query,
  });
}

/** A UDP server that answers as told: `reply` gets each query and how to send to its sender. */
async function fakeServer(
  reply: (query: Buffer, send: (answer: Buffer) => void, nth: number) => void,
): Promise<number> {
  const socket = createSocket('udp4');
  cleanups.push(() => socket.close());
  let count = 0;
  socket.on('message', (query, from) => {
    count += 1;
    reply(query, (answer) => socket.send(answer, from.port, from.address), count);
  });
  return bound(socket);
}

/** Binds it to a port that is free for TCP, too. */
async function bound(socket: Socket): Promise<number> {
  const port = await claimPort();
  await new Promise<void>((resolve) => {
    socket.bind(port, '127.0.0.1', resolve);
  });
  return port;
}

/** Stands between the client and named, and changes what named answers. */
async function meddler(change: (answer: Buffer) => Buffer): Promise<number> {
  const upstream = createSocket('udp4');
  cleanups.push(() => upstream.close());
  const senders = new Map<number, (answer: Buffer) => void>();
  upstream.on('message', (answer: Buffer, _from: RemoteInfo) =>
    senders.get(answer.readUInt16BE(0))?.(change(answer)),
  );
  return fakeServer((query, send) => {
    senders.set(query.readUInt16BE(0), send);
    upstream.send(query, server.port, '127.0.0.1');
  });
}

const shifted = (ms: number): SoaClient =>
  new SoaClient({ ...parts, clock: { ...systemClock, now: () => Date.now() + ms } });

describe('the SOA of a zone', () => {
  test('comes with serial, authority and time, over IPv4 and IPv6', async () => {
    for (const address of ['127.0.0.1', '::1']) {
      const answer = await ask({ address });
      expect(answer).toMatchObject({
        kind: 'soa',
        serial: 7,
        authoritative: true,
        soa: { mname: 'ns1.open.test.', rname: 'admin.open.test.', serial: 7, expire: 86_400 },
      });
      expect(answer.kind === 'soa' && answer.rttMs).toBeGreaterThan(0);
    }
  });

  test.each([sha256, sha512, md5])('comes signed with $algorithm', async (key) => {
    expect(await ask({ key })).toMatchObject({ kind: 'soa', serial: 7 });
  });

  test('that only a key may ask for is refused without it', async () => {
    const zone = domain('keyed.test');
    expect(await ask({ zone })).toEqual({ kind: 'rcode', rcode: 'REFUSED' });
    expect(await ask({ zone, key: sha512 })).toEqual({ kind: 'rcode', rcode: 'REFUSED' });
    expect(await ask({ zone, key: sha256 })).toMatchObject({ kind: 'soa', serial: 4_294_967_295 });
  });

  test('is an error’s name where the zone is not served, not loaded, or only its parent is', async () => {
    const rcodeOf = async (zone: string): Promise<unknown> => {
      const answer = await ask({ zone: domain(zone) });
      return answer.kind === 'rcode' ? answer.rcode : answer;
    };
    expect(await rcodeOf('elsewhere.test')).toBe('REFUSED');
    expect(await rcodeOf('broken.test')).toBe('SERVFAIL');
    expect(await rcodeOf('below.open.test')).toBe('NXDOMAIN');
    expect(await rcodeOf('ns1.open.test')).toBe('NOERROR');
  });

  test(`of ${many} zones costs well under a second`, async () => {
    const client = new SoaClient(parts);
    const before = process.cpuUsage();
    const answers = await Promise.all(
      Array.from({ length: many }, (_, n) =>
        ask({ zone: domain(`z${n}.test`), key: sha256 }, client),
      ),
    );
    const { user, system } = process.cpuUsage(before);
    expect(answers.map((answer) => (answer.kind === 'soa' ? answer.serial : answer))).toEqual(
      Array.from({ length: many }, (_, n) => n + 1),
    );
    // Ours alone, in microseconds: how long it takes depends on who else is on the machine.
    expect(user + system).toBeLessThan(1_000_000);
  });
});

describe('a key that does not fit', () => {
  test('is BADKEY when the server does not know it', async () => {
    expect(await ask({ key: { ...sha256, name: 'nobody.test' } })).toEqual({
      kind: 'tsig',
      error: 'BADKEY',
      by: 'server',
      rcode: 'NOTAUTH',
    });
  });

  test('is BADSIG when its secret differs', async () => {
    expect(
      await ask({ key: { ...sha256, secret: createSecretKey('another', 'utf8') } }),
    ).toMatchObject({
      kind: 'tsig',
      error: 'BADSIG',
      by: 'server',
    });
  });

  test('is BADTIME with the skew when the clocks are apart', async () => {
    const answer = await ask({ key: sha256 }, shifted(4_000_000));
    expect(answer).toMatchObject({ kind: 'tsig', error: 'BADTIME', by: 'server' });
    const skew = answer.kind === 'tsig' ? answer.skewSeconds : undefined;
    expect(Math.abs((skew ?? 0) + 4000)).toBeLessThanOrEqual(2);
  });

  test('shows when somebody changes the answer or takes its signature away', async () => {
    const changed = await meddler((answer) => {
      answer.writeUInt8(answer.readUInt8(3) ^ 0x10, 3);
      return answer;
    });
    expect(await ask({ port: changed, key: sha256 })).toMatchObject({
      kind: 'tsig',
      error: 'BADSIG',
      by: 'client',
    });
    const bare = await fakeServer((query, send) => {
      const answer = Buffer.from(query.subarray(0, 12 + 11 + 4));
      answer.writeUInt16BE(0x8405, 2);
      answer.writeUInt16BE(0, 10);
      send(answer);
    });
    expect(await ask({ port: bare, key: sha256 })).toEqual({
      kind: 'tsig',
      error: 'unsigned',
      by: 'client',
      rcode: 'REFUSED',
    });
  });
});

describe('a server that is not there', () => {
  test('is known at once to be unreachable where its host says so', async () => {
    const port = await claimPort();
    const started = performance.now();
    const answers = await Promise.all(
      ['127.0.0.1', '::1'].map((address) => ask({ address, port, timeoutMs: 10_000, attempts: 3 })),
    );
    expect(answers).toEqual([
      {
        kind: 'unreachable',
        message: `127.0.0.1 port ${port}: nobody listens there (ECONNREFUSED)`,
      },
      { kind: 'unreachable', message: `::1 port ${port}: nobody listens there (ECONNREFUSED)` },
    ]);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('answers all of many questions with unreachable, also those that queued', async () => {
    const port = await claimPort();
    const client = new SoaClient(parts, { window: 5 });
    const answers = await Promise.all(Array.from({ length: 23 }, () => ask({ port }, client)));
    expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(['unreachable']));
  });

  test('is a timeout where nothing ever comes, and holds up no other server', async () => {
    let asked = 0;
    const port = await fakeServer(() => {
      asked += 1;
    });
    const client = new SoaClient(parts, { window: 2 });
    const silent = Promise.all(
      Array.from({ length: 4 }, () => ask({ port, timeoutMs: 100, attempts: 3 }, client)),
    );
    const first = await Promise.race([silent, ask({}, client)]);
    expect(first).toMatchObject({ kind: 'soa' });
    expect(await silent).toEqual(Array.from({ length: 4 }, () => ({ kind: 'timeout' })));
    expect(asked).toBe(12);
  });

  test('is unreachable when its address is none, or the one to send from is not ours', async () => {
    expect(await ask({ address: 'localhost' })).toMatchObject({ kind: 'unreachable' });
    expect(await ask({ port: 0 })).toMatchObject({ kind: 'unreachable' });
    expect(await ask({ localAddress: '192.0.2.77' })).toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('(EADDRNOTAVAIL)'),
    });
  });
});

describe('a question', () => {
  test('is asked again until an answer comes', async () => {
    const upstream = await meddler((answer) => answer);
    const relay = createSocket('udp4');
    cleanups.push(() => relay.close());
    let back: (answer: Buffer) => void = () => undefined;
    relay.on('message', (answer) => back(answer));
    const port = await fakeServer((query, send, nth) => {
      back = send;
      if (nth === 3) relay.send(query, upstream, '127.0.0.1');
    });
    const answer = await ask({ port, timeoutMs: 100, attempts: 5 });
    expect(answer).toMatchObject({ kind: 'soa', serial: 7 });
  });

  test('goes out from the address that is wanted', async () => {
    const seen: string[] = [];
    const socket = createSocket('udp4');
    cleanups.push(() => socket.close());
    socket.on('message', (_, from) => seen.push(from.address));
    const port = await bound(socket);
    await ask({ port, localAddress: '127.0.0.9', timeoutMs: 50, attempts: 1 });
    expect(seen).toEqual(['127.0.0.9']);
  });

  test('is not answered by a reply to another one', async () => {
    const port = await fakeServer((query, send) => {
      const answer = Buffer.from(query);
      answer.writeUInt16BE(0x8405, 2);
      const other = Buffer.from(answer);
      other.write('q', 13);
      send(Buffer.from([1]));
      send(query);
      send(other);
      send(answer);
    });
    expect(await ask({ port })).toEqual({ kind: 'rcode', rcode: 'REFUSED' });
  });

  test('with a garbled reply is FORMERR, with what is wrong', async () => {
    const port = await fakeServer((query, send) => send(query.subarray(0, 20)));
    expect(await ask({ port })).toMatchObject({
      kind: 'rcode',
      rcode: 'FORMERR',
      message: expect.stringMatching(/cut short/),
    });
  });

  test('ends with the signal’s reason, on its way or in the queue, and leaves the others alone', async () => {
    const port = await fakeServer(() => undefined);
    const client = new SoaClient(parts, { window: 1 });
    const stop = new AbortController();
    const { signal } = stop;
    const open = [1, 2].map(() => ask({ port, signal, timeoutMs: 20_000 }, client));
    const other = ask({ port, timeoutMs: 50, attempts: 1 }, client);
    stop.abort(new Error('enough'));
    for (const each of open) await expect(each).rejects.toThrow('enough');
    await expect(ask({ signal }, client)).rejects.toThrow('enough');
    expect(await other).toEqual({ kind: 'timeout' });
  });
});

test('a server that limits its rate still tells the serial, over TCP', async () => {
  const limited = await startNamed(
    [{ name: 'open.test', text: smallZone(8), stanza: '' }],
    'rate-limit { responses-per-second 1; slip 1; };',
  );
  cleanups.push(() => limited.stop());
  const client = new SoaClient(parts);
  for (const key of [sha256, undefined]) {
    const keyed = key === undefined ? {} : { key };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask({ port: limited.port, ...keyed }, client)),
    );
    for (const answer of answers) expect(answer).toMatchObject({ kind: 'soa', serial: 8 });
  }
});

test('an answer cut short by a server without TCP is unreachable, not silence', async () => {
  const port = await fakeServer((query, send) => {
    query.writeUInt16BE(0x8600, 2);
    send(query);
  });
  const taken = createServer();
  await new Promise<void>((resolve) => {
    taken.listen(port, '127.0.0.1', resolve);
  });
  cleanups.push(() => taken.close());
  taken.on('connection', (socket) => socket.end());
  expect(await ask({ port })).toMatchObject({
    kind: 'unreachable',
    message: expect.stringContaining('closed the connection after 0 messages'),
  });
});
