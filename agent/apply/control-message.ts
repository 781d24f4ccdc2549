import { createHmac, timingSafeEqual } from 'node:crypto';
import type { TsigKey } from '../dns/tsig-key.ts';

/** A value of a control message. Text is sent as binary (UTF-8), and what is received is always binary. */
export type ControlValue = string | Buffer | ControlTable | readonly ControlValue[];
export type ControlTable = ReadonlyMap<string, ControlValue>;

export type Decoded =
  | { readonly ok: true; readonly table: ControlTable }
  /** `unsigned`: well-formed as far as it was read, but not signed with this key. */
  | { readonly ok: false; readonly why: 'unsigned' | 'garbled'; readonly problem: string };

interface Algorithm {
  readonly hash: string;
  /** ISC's number for it (`isccc_cc.h`); HMAC-MD5 has its own, older form of signature without a number. */
  readonly number: number;
}

const ALGORITHMS: Readonly<Record<TsigKey['algorithm'], Algorithm>> = {
  'hmac-md5': { hash: 'md5', number: 157 },
  'hmac-sha1': { hash: 'sha1', number: 161 },
  'hmac-sha224': { hash: 'sha224', number: 162 },
  'hmac-sha256': { hash: 'sha256', number: 163 },
  'hmac-sha384': { hash: 'sha384', number: 164 },
  'hmac-sha512': { hash: 'sha512', number: 165 },
};

const VERSION = 1;
const BINARY = 1;
const TABLE = 2;
const LIST = 3;
const MD5_LENGTH = 22;
const SHA_LENGTH = 88;
/** Real messages are two tables deep; more is no message of named's. */
const MAX_DEPTH = 8;

/**
 * The wire form of a message on named's control channel (BIND 9.18, `lib/isccc/cc.c`): its length in four bytes, the
 * version, a signature over all that follows it, and the table.
 */
export function encodeMessage(table: ControlTable, key: TsigKey): Buffer {
  const body = encodeTable(table);
  const rest = Buffer.concat([encodeTable(new Map([['_auth', sign(body, key)]])), body]);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(rest.length + 4, 0);
  head.writeUInt32BE(VERSION, 4);
  return Buffer.concat([head, rest]);
}

/** Reads a message (without its four bytes of length) and verifies its signature. */
export function decodeMessage(message: Buffer, key: TsigKey): Decoded {
  if (message.length < 4) return garbled('it ends within its version');
  const version = message.readUInt32BE(0);
  if (version !== VERSION) return garbled(`want version ${VERSION}, got ${version}`);
  try {
    const reader = new Reader(message.subarray(4));
    const [name, auth] = reader.entry(0);
    if (name !== '_auth' || !(auth instanceof Map)) {
      return { ok: false, why: 'unsigned', problem: 'it has no signature' };
    }
    const body = reader.rest();
    if (!isSignature(auth, sign(body, key))) {
      return { ok: false, why: 'unsigned', problem: `it is not signed with the key "${key.name}"` };
    }
    return { ok: true, table: new Reader(body).table(0) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return garbled(error.message);
  }
}

const garbled = (problem: string): Decoded => ({ ok: false, why: 'garbled', problem });

/** The text at a path of keys, undefined where there is none. */
export function textAt(table: ControlTable, ...path: string[]): string | undefined {
  let value: ControlValue | undefined = table;
  for (const key of path) value = value instanceof Map ? value.get(key) : undefined;
  return Buffer.isBuffer(value) ? value.toString('utf8') : undefined;
}

function sign(body: Buffer, key: TsigKey): Map<string, Buffer> {
  const { hash, number } = ALGORITHMS[key.algorithm];
  const text = createHmac(hash, key.secret).update(body).digest('base64');
  if (key.algorithm === 'hmac-md5') {
    return new Map([['hmd5', Buffer.from(text.slice(0, MD5_LENGTH), 'latin1')]]);
  }
  const padded = Buffer.alloc(1 + SHA_LENGTH);
  padded.writeUInt8(number, 0);
  padded.write(text, 1, 'latin1');
  return new Map([['hsha', padded]]);
}

function isSignature(got: ControlTable, want: ReadonlyMap<string, Buffer>): boolean {
  for (const [name, value] of want) {
    const other = got.get(name);
    if (!Buffer.isBuffer(other) || other.length !== value.length) return false;
    if (!timingSafeEqual(other, value)) return false;
  }
  return true;
}

function encodeTable(table: ControlTable): Buffer {
  const parts: Buffer[] = [];
  for (const [key, value] of table) {
    const name = Buffer.from(key, 'utf8');
    parts.push(Buffer.from([name.length]), name, encodeValue(value));
  }
  return Buffer.concat(parts);
}

function encodeValue(value: ControlValue): Buffer {
  if (typeof value === 'string') return typed(BINARY, Buffer.from(value, 'utf8'));
  if (Buffer.isBuffer(value)) return typed(BINARY, value);
  if (value instanceof Map) return typed(TABLE, encodeTable(value));
  return typed(LIST, Buffer.concat([...value.values()].map(encodeValue)));
}

function typed(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(type, 0);
  head.writeUInt32BE(data.length, 1);
  return Buffer.concat([head, data]);
}

/** Reads from front to back; throws a RangeError that says what is wrong. */
class Reader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  table(depth: number): ControlTable {
    const table = new Map<string, ControlValue>();
    while (this.#at < this.#data.length) {
      const [key, value] = this.entry(depth);
      if (table.has(key)) throw new RangeError(`it has "${key}" twice`);
      table.set(key, value);
    }
    return table;
  }

  entry(depth: number): [string, ControlValue] {
    const length = this.#take(1).readUInt8(0);
    const key = this.#take(length).toString('utf8');
    return [key, this.#value(depth)];
  }

  rest(): Buffer {
    return this.#take(this.#data.length - this.#at);
  }

  #value(depth: number): ControlValue {
    if (depth > MAX_DEPTH) throw new RangeError('its tables are nested too deep');
    const type = this.#take(1).readUInt8(0);
    const data = this.#take(this.#take(4).readUInt32BE(0));
    switch (type) {
      case BINARY:
        return data;
      case TABLE:
        return new Reader(data).table(depth + 1);
      case LIST:
        return new Reader(data).#list(depth + 1);
      default:
        throw new RangeError(`want a value of type 1 to 3, got ${type}`);
    }
  }

  #list(depth: number): ControlValue[] {
    const list: ControlValue[] = [];
    while (this.#at < this.#data.length) list.push(this.#value(depth));
    return list;
  }

  #take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#data.length) throw new RangeError('it ends within a value');
    const taken = this.#data.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
