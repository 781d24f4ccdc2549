import { createHmac, createSecretKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decodeMessage } from '../../agent/dns/decode-message.ts';
import { encodeQuery } from '../../agent/dns/encode-message.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import { type ResponseVerifier, responseVerifier, signMessage } from '../../agent/dns/tsig.ts';
import type { TsigKey } from '../../agent/dns/tsig-key.ts';

const key: TsigKey = {
  name: 'k.test',
  algorithm: 'hmac-sha256',
  secret: createSecretKey('secret-secret-secret', 'utf8'),
};
const now = 1_800_000_000;

const query = (id: number): Buffer =>
  encodeQuery({ id, name: 'a.test.' as DomainName, type: 'AXFR' });

const response = (id: number): Buffer => {
  const bytes = query(id);
  bytes.writeUInt16BE(0x8400, 2);
  return bytes;
};

// Written out from RFC 8945 octet by octet, with nothing of the code under test.
const keyName = Buffer.from('\x01k\x04test\x00');
const algorithm = Buffer.from('\x0bhmac-sha256\x00');
const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const time = (seconds: number): Buffer => hex(seconds.toString(16).padStart(12, '0'));
const length = (bytes: Buffer): Buffer => hex(bytes.length.toString(16).padStart(4, '0'));

interface ServerSays {
  readonly time?: number;
  readonly error?: string;
  readonly other?: Buffer;
  readonly later?: boolean;
  readonly unsigned?: boolean;
  readonly macLength?: number;
}

/** Signs as a server does: over the prior MAC, what went unsigned since, and the message. */
function signed(
  message: Buffer,
  prior: Buffer,
  says: ServerSays = {},
  unsignedBefore: readonly Buffer[] = [],
): { bytes: Buffer; mac: Buffer } {
  const { error = '0000', other = Buffer.alloc(0), later = false } = says;
  const timers = Buffer.concat([time(says.time ?? now), hex('012c')]);
  const tail = Buffer.concat([hex(error), length(other), other]);
  const variables = later
    ? timers
    : Buffer.concat([keyName, hex('00ff 00000000'), algorithm, timers, tail]);
  const whole = createHmac('sha256', key.secret)
    .update(Buffer.concat([length(prior), prior, ...unsignedBefore, message, variables]))
    .digest();
  const mac = says.unsigned === true ? Buffer.alloc(0) : whole.subarray(0, says.macLength ?? 32);
  const rdata = Buffer.concat([algorithm, timers, length(mac), mac, message.subarray(0, 2), tail]);
  const record = Buffer.concat([keyName, hex('00fa 00ff 00000000'), length(rdata), rdata]);
  const bytes = Buffer.concat([message, record]);
  bytes.writeUInt16BE(1, 10);
  return { bytes, mac };
}

function verdict(verifier: ResponseVerifier, bytes: Buffer, at = now): unknown {
  const decoded = decodeMessage(bytes);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.problems));
  return verifier.verify(bytes, decoded.value, at);
}

const request = signMessage(query(7), key, now);
const verifier = (): ResponseVerifier => responseVerifier(key, request.mac);
const failed = (error: string, by: 'client' | 'server', more: object = {}): object => ({
  kind: 'failed',
  error,
  by,
  ...more,
});

describe('a request', () => {
  test('is signed as RFC 8945 says', () => {
    const unsigned = createHmac('sha256', key.secret)
      .update(query(7))
      .update(
        Buffer.concat([keyName, hex('00ff 00000000'), algorithm, time(now), hex('012c 0000 0000')]),
      )
      .digest();
    expect(request.mac).toEqual(unsigned);
    const decoded = decodeMessage(request.bytes);
    expect(decoded.ok && decoded.value.tsig).toMatchObject({
      keyName: 'k.test.',
      algorithm: 'hmac-sha256.',
      timeSigned: now,
      fudge: 300,
      originalId: 7,
    });
  });
});

describe('a response', () => {
  test('is genuine when signed with the same key over the request’s signature', () => {
    expect(verdict(verifier(), signed(response(7), request.mac).bytes)).toEqual({
      kind: 'genuine',
    });
  });

  test('is BADSIG when one octet changed, when it answers another request, or the secret differs', () => {
    const { bytes } = signed(response(7), request.mac);
    bytes.writeUInt8(bytes.readUInt8(3) ^ 0x20, 3);
    expect(verdict(verifier(), bytes)).toEqual(failed('BADSIG', 'client'));
    const other = signed(response(7), Buffer.alloc(32)).bytes;
    expect(verdict(verifier(), other)).toEqual(failed('BADSIG', 'client'));
    const wrong = responseVerifier({ ...key, secret: createSecretKey('x', 'utf8') }, request.mac);
    expect(verdict(wrong, signed(response(7), request.mac).bytes)).toEqual(
      failed('BADSIG', 'client'),
    );
  });

  test('is BADKEY when signed with another key or algorithm', () => {
    const { bytes } = signed(response(7), request.mac);
    for (const other of [
      { ...key, name: 'l.test' },
      { ...key, algorithm: 'hmac-sha512' as const },
    ]) {
      expect(verdict(responseVerifier(other, request.mac), bytes)).toEqual(
        failed('BADKEY', 'client'),
      );
    }
  });

  test('is BADTIME when it is older or younger than the fudge allows', () => {
    for (const skewSeconds of [-301, 301]) {
      const { bytes } = signed(response(7), request.mac, { time: now + skewSeconds });
      expect(verdict(verifier(), bytes)).toEqual(failed('BADTIME', 'client', { skewSeconds }));
    }
    const { bytes } = signed(response(7), request.mac, { time: now + 300 });
    expect(verdict(verifier(), bytes)).toEqual({ kind: 'genuine' });
  });

  test('is refused when unsigned or when its signature is cut', () => {
    expect(verdict(verifier(), response(7))).toEqual(failed('unsigned', 'client'));
    const { bytes } = signed(response(7), request.mac, { macLength: 16 });
    expect(verdict(verifier(), bytes)).toEqual(failed('BADTRUNC', 'client'));
  });

  test('tells what the server says of the request, which it cannot sign', () => {
    const said = { '0010': 'BADSIG', '0011': 'BADKEY' };
    for (const [error, told] of Object.entries(said)) {
      const { bytes } = signed(response(7), request.mac, { error, unsigned: true });
      expect(verdict(verifier(), bytes)).toEqual(failed(told, 'server'));
    }
    const { bytes } = signed(response(7), request.mac, { error: '0012', other: time(now + 4000) });
    expect(verdict(verifier(), bytes)).toEqual(failed('BADTIME', 'server', { skewSeconds: 4000 }));
  });
});

describe('the messages of a transfer', () => {
  test('are genuine when each is signed over the one before', () => {
    const stream = verifier();
    let prior = request.mac;
    for (const later of [false, true, true]) {
      const { bytes, mac } = signed(response(7), prior, { later });
      expect(verdict(stream, bytes)).toEqual({ kind: 'genuine' });
      prior = mac;
    }
  });

  test('may go unsigned in between, 99 at most, and are covered by the next signature', () => {
    const first = signed(response(7), request.mac);
    const between = Array.from({ length: 99 }, () => response(7));
    const { bytes } = signed(response(7), first.mac, { later: true }, between);
    const stream = verifier();
    verdict(stream, first.bytes);
    for (const message of between) expect(verdict(stream, message)).toEqual({ kind: 'unproven' });
    expect(verdict(stream, bytes)).toEqual({ kind: 'genuine' });

    const tooMany = verifier();
    verdict(tooMany, first.bytes);
    for (const message of between) verdict(tooMany, message);
    expect(verdict(tooMany, response(7))).toEqual(failed('unsigned', 'client'));
  });

  test('are refused when one is missing, or changed though unsigned', () => {
    const first = signed(response(7), request.mac);
    const second = signed(response(7), first.mac, { later: true });
    const third = signed(response(7), second.mac, { later: true });
    const lost = verifier();
    verdict(lost, first.bytes);
    expect(verdict(lost, third.bytes)).toEqual(failed('BADSIG', 'client'));

    const changed = verifier();
    const after = signed(response(7), first.mac, { later: true }, [response(7)]);
    verdict(changed, first.bytes);
    const other = response(7);
    other.writeUInt16BE(0x8000, 2);
    expect(verdict(changed, other)).toEqual({ kind: 'unproven' });
    expect(verdict(changed, after.bytes)).toEqual(failed('BADSIG', 'client'));
  });
});
