import { createHmac, timingSafeEqual } from 'node:crypto';
import { tsigErrorName } from './codes.ts';
import type { Message } from './message.ts';
import type { DomainName } from './name.ts';
import type { TsigKey } from './tsig-key.ts';
import { type TsigRecord, tsigTimers, tsigToWire, tsigVariables } from './tsig-record.ts';
import { u16 } from './wire.ts';

/** Seconds that two clocks may be apart, RFC 8945 section 10. */
const usualFudge = 300;

/** RFC 8945 section 5.3.1: so many messages of a transfer may go unsigned before one must be signed. */
const mostUnsigned = 99;

export interface Signed {
  readonly bytes: Buffer;
  /** The response's signature covers it: hand it to `responseVerifier`. */
  readonly mac: Buffer;
}

/** Signs a request, RFC 8945 section 5.1. `now` in seconds since the epoch. */
export function signMessage(message: Buffer, key: TsigKey, now: number): Signed {
  const unsigned: TsigRecord = {
    keyName: keyNameOf(key),
    algorithm: algorithmNameOf(key),
    timeSigned: now,
    fudge: usualFudge,
    mac: Buffer.alloc(0),
    originalId: message.readUInt16BE(0),
    error: 0,
    other: Buffer.alloc(0),
  };
  const mac = hmac(key, [message, tsigVariables(unsigned)]);
  const bytes = Buffer.concat([message, tsigToWire({ ...unsigned, mac })]);
  bytes.writeUInt16BE(message.readUInt16BE(10) + 1, 10);
  return { bytes, mac };
}

/**
 * `genuine`: this message and all before it are the key holder's. `unproven`: it is not signed, which is allowed
 * between the signed messages of a transfer; it is genuine once a later one is. `failed`: see `TsigFailure`.
 */
export type TsigVerdict =
  | { readonly kind: 'genuine' }
  | { readonly kind: 'unproven' }
  | TsigFailure;

export interface TsigFailure {
  readonly kind: 'failed';
  /**
   * `BADKEY` (the server does not know the key, or answered with another), `BADSIG` (another secret under this name),
   * `BADTIME` (clocks apart), `BADTRUNC` (a shortened signature), `unsigned` (an answer without a signature).
   */
  readonly error: string;
  /** Who says so. What a server says of `BADKEY` and `BADSIG` it cannot sign. */
  readonly by: 'server' | 'client';
  /** With `BADTIME`: the server's clock minus ours, in seconds. */
  readonly skewSeconds?: number;
}

/** Verifies the messages that answer one request, in their order. `now` in seconds since the epoch. */
export interface ResponseVerifier {
  verify(bytes: Buffer, message: Message, now: number): TsigVerdict;
}

/** RFC 8945 section 5.3, for one response or the many messages of a transfer. */
export function responseVerifier(key: TsigKey, requestMac: Buffer): ResponseVerifier {
  let priorMac = requestMac;
  let first = true;
  let unproven: Buffer[] = [];
  return {
    verify(bytes, { tsig, tsigStart }, now) {
      if (tsig === undefined || tsigStart === undefined) {
        if (first || unproven.length >= mostUnsigned) return failed('unsigned', 'client');
        unproven.push(bytes);
        return { kind: 'unproven' };
      }
      const digested = [
        u16(priorMac.length),
        priorMac,
        ...unproven,
        ...asSigned(bytes, tsigStart, tsig),
        first ? tsigVariables(tsig) : tsigTimers(tsig),
      ];
      const failure = judge(key, tsig, digested, now);
      if (failure !== undefined) return failure;
      priorMac = tsig.mac;
      first = false;
      unproven = [];
      return { kind: 'genuine' };
    },
  };
}

function judge(
  key: TsigKey,
  tsig: TsigRecord,
  digested: readonly Buffer[],
  now: number,
): TsigFailure | undefined {
  if (tsig.error !== 0 && tsig.mac.length === 0) return saidByServer(tsig, now);
  if (tsig.keyName !== keyNameOf(key) || tsig.algorithm !== algorithmNameOf(key)) {
    return failed('BADKEY', 'client');
  }
  const mac = hmac(key, digested);
  if (tsig.mac.length < mac.length) return failed('BADTRUNC', 'client');
  if (tsig.mac.length > mac.length || !timingSafeEqual(mac, tsig.mac)) {
    return failed('BADSIG', 'client');
  }
  if (tsig.error !== 0) return saidByServer(tsig, now);
  const skew = tsig.timeSigned - now;
  return Math.abs(skew) > tsig.fudge
    ? { ...failed('BADTIME', 'client'), skewSeconds: skew }
    : undefined;
}

function saidByServer({ error, other }: TsigRecord, now: number): TsigFailure {
  const said = failed(tsigErrorName(error), 'server');
  return said.error === 'BADTIME' && other.length === 6
    ? { ...said, skewSeconds: other.readUIntBE(0, 6) - now }
    : said;
}

const failed = (error: string, by: 'server' | 'client'): TsigFailure => ({
  kind: 'failed',
  error,
  by,
});

/** The message as it was before its TSIG record was added: with the sender's id and one additional record less. */
function asSigned(bytes: Buffer, tsigStart: number, { originalId }: TsigRecord): Buffer[] {
  const header = Buffer.from(bytes.subarray(0, 12));
  header.writeUInt16BE(originalId, 0);
  header.writeUInt16BE(header.readUInt16BE(10) - 1, 10);
  return [header, bytes.subarray(12, tsigStart)];
}

function hmac({ algorithm, secret }: TsigKey, pieces: readonly Buffer[]): Buffer {
  const digest = createHmac(algorithm.slice('hmac-'.length), secret);
  for (const piece of pieces) digest.update(piece);
  return digest.digest();
}

const keyNameOf = ({ name }: TsigKey): DomainName =>
  `${name.toLowerCase().replace(/\.$/, '')}.` as DomainName;

const algorithmNameOf = ({ algorithm }: TsigKey): DomainName =>
  (algorithm === 'hmac-md5' ? 'hmac-md5.sig-alg.reg.int.' : `${algorithm}.`) as DomainName;
