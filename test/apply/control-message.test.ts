import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ControlTable,
  type ControlValue,
  decodeMessage,
  encodeMessage,
  textAt,
} from '../../agent/apply/control-message.ts';
import type { TsigKey } from '../../agent/dns/tsig-key.ts';

const algorithms: TsigKey['algorithm'][] = [
  'hmac-md5',
  'hmac-sha1',
  'hmac-sha224',
  'hmac-sha256',
  'hmac-sha384',
  'hmac-sha512',
];

const key: TsigKey = {
  name: 'k',
  algorithm: 'hmac-sha256',
  secret: createSecretKey('secret', 'utf8'),
};

const keys = fc.record({
  name: fc.constant('k'),
  algorithm: fc.constantFrom(...algorithms),
  secret: fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => createSecretKey(bytes)),
});

const names = fc.string({ maxLength: 20 }).filter((name) => name !== '_auth');
const { table: tables } = fc.letrec<{ value: ControlValue; table: ControlTable }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    tie('table'),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
  table: fc
    .uniqueArray(fc.tuple(names, tie('value')), { maxLength: 4, selector: ([name]) => name })
    .map((entries) => new Map(entries)),
}));

const request: ControlTable = new Map([
  [
    '_ctrl',
    new Map([
      ['_ser', '1'],
      ['_tim', '1795268305'],
    ]),
  ],
  ['_data', new Map([['type', 'status']])],
]);

describe('a message of the control channel', () => {
  test('is read as it was written, under every algorithm', () => {
    fc.assert(
      fc.property(tables, keys, (table, key) => {
        const message = encodeMessage(table, key);
        expect(message.readUInt32BE(0)).toBe(message.length - 4);
        expect(decodeMessage(message.subarray(4), key)).toEqual({ ok: true, table });
      }),
    );
  });

  test('is not believed when one bit is another', () => {
    const message = encodeMessage(request, key);
    for (let bit = 32; bit < message.length * 8; bit++) {
      const bent = Buffer.from(message);
      bent.writeUInt8(bent.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(decodeMessage(bent.subarray(4), key).ok).toBe(false);
    }
  });

  test('is not believed when it is cut short', () => {
    const message = encodeMessage(request, key).subarray(4);
    for (let length = 0; length < message.length; length++) {
      expect(decodeMessage(message.subarray(0, length), key).ok).toBe(false);
    }
  });

  test('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const garbage = Buffer.concat([Buffer.from([0, 0, 0, 1]), bytes]);
        expect(decodeMessage(garbage, key).ok).toBe(false);
      }),
    );
  });

  test('with tables in tables without end is refused', () => {
    let table: ControlTable = new Map();
    for (let depth = 0; depth < 1000; depth++) table = new Map([['t', table]]);
    expect(decodeMessage(encodeMessage(table, key).subarray(4), key)).toEqual({
      ok: false,
      why: 'garbled',
      problem: 'its tables are nested too deep',
    });
  });

  test('has the bytes that named 9.18 reads', () => {
    expect(encodeMessage(new Map([['a', new Map([['b', 'c']])]]), key).toString('latin1')).toBe(
      '\0\0\0\x81\0\0\0\x01\x05_auth\x02\0\0\0\x63\x04hsha\x01\0\0\0\x59\xa3' +
        `${signature}${'\0'.repeat(44)}` +
        '\x01a\x02\0\0\0\x08\x01b\x01\0\0\0\x01c',
    );
  });

  test('gives the text at a path, and nothing where there is none', () => {
    const decoded = decodeMessage(encodeMessage(request, key).subarray(4), key);
    const table = decoded.ok ? decoded.table : new Map();
    expect(textAt(table, '_data', 'type')).toBe('status');
    expect(textAt(table, '_data', 'text')).toBeUndefined();
    expect(textAt(table, '_data')).toBeUndefined();
    expect(textAt(table, '_data', 'type', 'more')).toBeUndefined();
  });
});

/** HMAC-SHA256 of the last 15 bytes under "secret", in base64, made with openssl. */
const signature = 'bFpe7jn0KP+VYUu2gnxfiCFVCQYeDKSXTJkCV1Td8dE=';
