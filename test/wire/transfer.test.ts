import { createSecretKey, randomInt } from 'node:crypto';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import { encodeMessage } from '../../agent/dns/encode-message.ts';
import type { Draft, ResourceRecord } from '../../agent/dns/message.ts';
import { parseCompiled, zoneContentOf } from '../../agent/dns/zone-text.ts';
import {
  type TransferAnswer,
  type TransferQuery,
  transfer,
} from '../../agent/observe/dns-client.ts';
import { claimPort } from '../rig/ports.ts';
import { domain, output, type Server, sha256, sha512, startNamed } from './named.ts';
import { smallZone, zoneOfAllTypes } from './zone-of-all-types.ts';

const parts = { clock: systemClock, randomId: () => randomInt(65_536) };
const hosts = 1500;
const forKeys = 'check-names ignore; allow-transfer { key "sha256.test"; key "sha512.test"; };';

let server: Server;
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  server = await startNamed([
    { name: 'all.test', text: zoneOfAllTypes(7, hosts), stanza: forKeys },
    { name: 'closed.test', text: smallZone(7), stanza: 'allow-transfer { none; };' },
    { name: 'open.test', text: smallZone(7), stanza: 'allow-transfer { any; };' },
  ]);
});

afterAll(() => server.stop());

afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function take(query: Partial<TransferQuery> = {}, with_ = parts): Promise<TransferAnswer> {
  return transfer(
    {
      address: '127.0.0.1',
      port: server.port,
      zone: domain('all.test'),
      timeoutMs: 5000,
      ...query,
    },
    with_,
  );
}

async function taken(query: Partial<TransferQuery> = {}) {
  const answer = await take(query);
  if (answer.kind !== 'ok') throw new Error(JSON.stringify(answer));
  return answer;
}

const flattened = (
  sets: readonly { owner: string; type: string; ttl: number; rdata: readonly string[] }[],
) =>
  sets.flatMap(({ owner, type, ttl, rdata }) =>
    rdata.map((data) => `${owner} ${ttl} ${type} ${data}`),
  );

const ownForm = /^(A|AAAA|NS|CNAME|PTR|MX|TXT|SRV|CAA|DNAME)$/;

describe('a transfer', () => {
  test.each([sha256, sha512])(
    'signed with $algorithm brings all records, as named-compilezone prints them',
    async (key) => {
      const zone = await taken({ key });
      expect(zone).toMatchObject({ complete: true, soaTtl: 300 });
      expect(zone.soa).toEqual({
        mname: 'ns1.all.test.',
        rname: String.raw`admin\.of.all.all.test.`,
        serial: 7,
        refresh: 3600,
        retry: 600,
        expire: 86_400,
        minimum: 300,
      });
      expect(zone.messages).toBeGreaterThan(2);
      const compiled = parseCompiled(
        await output(
          'named-compilezone',
          '-q',
          '-k',
          'ignore',
          '-s',
          'full',
          '-o',
          '-',
          'all.test',
          server.file('all.test'),
        ),
      ).filter(({ type }) => ownForm.test(type));
      expect(zone.rrsets.filter(({ type }) => ownForm.test(type))).toEqual(compiled);
      expect(new Set(compiled.map(({ type }) => type)).size).toBe(10);
    },
  );

  test('shows types without a form of their own as dig does those it does not know', async () => {
    const zone = await taken({ key: sha256 });
    const secret = `${sha256.algorithm}:${sha256.name}:${sha256.secret.export().toString('base64')}`;
    const dug = await output(
      'dig',
      '@127.0.0.1',
      '-p',
      String(server.port),
      '-y',
      secret,
      'all.test',
      'axfr',
      '+unknownformat',
      '+onesoa',
      '+nottlunits',
      '+nocrypto',
    );
    const unknown = dug.matchAll(/^(\S+)\s+300\s+CLASS1\s+TYPE(\d+)\s+(\\# \d+.*)$/gm);
    const expected = new Set(
      [...unknown].map(([, owner, , rdata = '']) =>
        `${owner} ${rdata.replace(/^(\\# \d+ ?)(.*)$/, (_, head: string, hex: string) => head + hex.replaceAll(' ', ''))}`.trim(),
      ),
    );
    const others = zone.rrsets.filter(({ type }) => !ownForm.test(type));
    expect(others.length).toBeGreaterThan(14);
    for (const { owner, rdata } of others) expect([...expected]).toContain(`${owner} ${rdata[0]}`);
  });

  test('of a zone without foreign types has the hash of its text', async () => {
    const zone = await taken({ zone: domain('open.test') });
    const text = await output(
      'named-compilezone',
      '-q',
      '-s',
      'full',
      '-o',
      '-',
      'open.test',
      server.file('open.test'),
    );
    const sets = parseCompiled(text);
    const { soa, soaTtl, rrsets } = zone;
    expect(zone.records).toBe(2);
    expect(zoneContentOf({ zone: domain('open.test'), soa, soaTtl, rrsets }).hash).toBe(
      zoneContentOf({
        zone: domain('open.test'),
        soa,
        soaTtl,
        rrsets: sets.filter(({ type }) => type !== 'SOA'),
      }).hash,
    );
  });

  test('breaks off after the first message when only that is wanted', async () => {
    const probe = await taken({ key: sha256, firstMessageOnly: true });
    expect(probe).toMatchObject({ complete: false, messages: 1, soa: { serial: 7 } });
    const whole = await taken({ zone: domain('open.test'), firstMessageOnly: true });
    expect(whole).toMatchObject({ complete: true, messages: 1, records: 2 });
  });
});

describe('a server that does not give the zone', () => {
  test('says REFUSED to who may not have it, and NOTAUTH for what it does not serve', async () => {
    const refused = { kind: 'rcode', rcode: 'REFUSED' };
    expect(await take()).toEqual(refused);
    expect(await take({ zone: domain('closed.test'), key: sha256 })).toEqual(refused);
    expect(await take({ zone: domain('nowhere.test') })).toEqual({
      kind: 'rcode',
      rcode: 'NOTAUTH',
    });
  });

  test('says BADKEY, BADSIG or BADTIME of the key', async () => {
    const unknown = { ...sha256, name: 'nobody.test' };
    expect(await take({ key: unknown })).toEqual({
      kind: 'tsig',
      error: 'BADKEY',
      by: 'server',
      rcode: 'NOTAUTH',
    });
    const wrong = { ...sha256, secret: createSecretKey('another', 'utf8') };
    expect(await take({ key: wrong })).toMatchObject({
      kind: 'tsig',
      error: 'BADSIG',
      by: 'server',
    });
    const late = { ...parts, clock: { ...systemClock, now: () => Date.now() - 4_000_000 } };
    const answer = await take({ key: sha256 }, late);
    expect(answer).toMatchObject({ kind: 'tsig', error: 'BADTIME', by: 'server' });
    const skew = answer.kind === 'tsig' ? answer.skewSeconds : undefined;
    expect(Math.abs((skew ?? 0) - 4000)).toBeLessThanOrEqual(2);
  });

  test('is unreachable when nobody listens', async () => {
    const port = await claimPort();
    expect(await take({ port })).toEqual({
      kind: 'unreachable',
      message: `127.0.0.1 port ${port}: nobody listens there (ECONNREFUSED)`,
    });
    expect(await take({ localAddress: '192.0.2.77' })).toMatchObject({ kind: 'unreachable' });
  });
});

/** A TCP server that takes each query and then does as told. */
async function fakeServer(serve: (socket: Socket, query: Buffer) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', (chunk) => serve(socket, chunk.subarray(2)));
  });
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve);
  });
  return (listener.address() as AddressInfo).port;
}

const record = (type: string, rdata: string, owner = 'all.test'): ResourceRecord => ({
  owner: domain(owner),
  type,
  class: 'IN',
  ttl: 300,
  rdata,
});
const soa = (serial: number): ResourceRecord => record('SOA', `ns. admin. ${serial} 1 2 3 4`);
const address = record('A', '192.0.2.1', 'www.all.test');

function framed(
  query: Buffer,
  answer: readonly ResourceRecord[],
  more: Partial<Draft> = {},
): Buffer {
  const message = encodeMessage({
    id: query.readUInt16BE(0),
    flags: { response: true },
    answer,
    ...more,
  });
  if (!message.ok) throw new Error(JSON.stringify(message.problems));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.value.length);
  return Buffer.concat([length, message.value]);
}

describe('a server that answers badly', () => {
  test.each<[string, readonly (readonly ResourceRecord[])[]]>([
    ['the first record is not the SOA of the zone', [[address]]],
    [
      'the first record is not the SOA of the zone',
      [[record('SOA', 'a. b. 1 1 1 1 1', 'www.all.test')]],
    ],
    ['no SOA in the answer', [[]]],
    ['serial 1 at the start, 2 at the end', [[soa(1), address], [soa(2)]]],
    ['a record after the closing SOA', [[soa(1)], [address, soa(1), address]]],
    ['a record of class CH', [[soa(1), { ...record('TXT', '"x"'), class: 'CH' }]]],
  ])('is told of: %s', async (message, messages) => {
    const port = await fakeServer((socket, query) => {
      for (const records of messages) socket.write(framed(query, records));
    });
    expect(await take({ port })).toEqual({ kind: 'formerr', message });
  });

  test('is told of when it speaks no DNS, or answers something else', async () => {
    const garbled = await fakeServer((socket) => socket.write(Buffer.from([0, 3, 1, 2, 3])));
    expect(await take({ port: garbled })).toEqual({
      kind: 'formerr',
      message: 'header: cut short at octet 2',
    });
    const other = await fakeServer((socket, query) =>
      socket.write(framed(query, [soa(1)], { id: 1 })),
    );
    const fixed = { ...parts, randomId: () => 2 };
    expect(await take({ port: other }, fixed)).toMatchObject({ kind: 'formerr' });
  });

  test('is unreachable when it hangs up in the middle, and a timeout when it falls silent', async () => {
    const hangsUp = await fakeServer((socket, query) =>
      socket.end(framed(query, [soa(1), address])),
    );
    expect(await take({ port: hangsUp })).toEqual({
      kind: 'unreachable',
      message: `127.0.0.1 port ${hangsUp}: closed the connection after 1 messages, too early`,
    });
    const silent = await fakeServer((socket, query) =>
      socket.write(framed(query, [soa(1), address])),
    );
    expect(await take({ port: silent, timeoutMs: 100 })).toEqual({ kind: 'timeout' });
    const deaf = await fakeServer(() => undefined);
    expect(await take({ port: deaf, timeoutMs: 100 })).toEqual({ kind: 'timeout' });
  });

  test('brings the zone all the same when its messages come in pieces', async () => {
    const port = await fakeServer(async (socket, query) => {
      socket.setNoDelay();
      const bytes = Buffer.concat([framed(query, [soa(1), address]), framed(query, [soa(1)])]);
      for (const octet of bytes) {
        await new Promise((resolve) => socket.write(Buffer.from([octet]), resolve));
      }
    });
    const zone = await taken({ port });
    expect(flattened(zone.rrsets)).toEqual(['www.all.test. 300 A 192.0.2.1']);
  });

  test('with an error in a later message fails with that', async () => {
    const port = await fakeServer((socket, query) => {
      socket.write(framed(query, [soa(1), address]));
      socket.write(framed(query, [], { rcode: 'SERVFAIL' }));
    });
    expect(await take({ port })).toEqual({ kind: 'rcode', rcode: 'SERVFAIL' });
  });

  test('without a signature, though the request had one, is not believed', async () => {
    const port = await fakeServer((socket, query) => socket.write(framed(query, [soa(1), soa(1)])));
    expect(await take({ port, key: sha256 })).toEqual({
      kind: 'tsig',
      error: 'unsigned',
      by: 'client',
      rcode: 'NOERROR',
    });
  });
});

test('ends with the signal’s reason, before and during the transfer', async () => {
  const stop = new AbortController();
  const port = await fakeServer((socket, query) => {
    socket.write(framed(query, [soa(1), address]));
    stop.abort(new Error('enough'));
  });
  await expect(take({ port, signal: stop.signal })).rejects.toThrow('enough');
  await expect(take({ port, signal: stop.signal })).rejects.toThrow('enough');
});
