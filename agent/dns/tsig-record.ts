import type { DomainName } from './name.ts';
import { Garbled, nameToWire, u16, u32, u48, type WireReader } from './wire.ts';

/** What a TSIG record says, RFC 8945 section 4.2. */
export interface TsigRecord {
  readonly keyName: DomainName;
  /** The algorithm's name on the wire, e.g. `hmac-sha256.`. */
  readonly algorithm: DomainName;
  /** Seconds since the epoch. */
  readonly timeSigned: number;
  /** Seconds. */
  readonly fudge: number;
  /** Empty when the sender did not sign (BADKEY, BADSIG). */
  readonly mac: Buffer;
  readonly originalId: number;
  /** See `tsigErrorName`. */
  readonly error: number;
  /** With BADTIME the server's time in 6 octets, else empty. */
  readonly other: Buffer;
}

const anyClass = 255;
const tsigType = 250;

/** Reads the rdata; the reader ends with it. */
export function readTsig(reader: WireReader, keyName: DomainName): TsigRecord {
  const algorithm = reader.name();
  const timeSigned = reader.u48();
  const fudge = reader.u16();
  const mac = reader.take(reader.u16());
  const originalId = reader.u16();
  const error = reader.u16();
  const other = reader.take(reader.u16());
  if (reader.left > 0) throw new Garbled('octets too many in a TSIG record');
  return { keyName, algorithm, timeSigned, fudge, mac, originalId, error, other };
}

/** The whole record, as it stands last in a message. */
export function tsigToWire(record: TsigRecord): Buffer {
  const rdata = Buffer.concat([
    nameToWire(record.algorithm),
    u48(record.timeSigned),
    u16(record.fudge),
    u16(record.mac.length),
    record.mac,
    u16(record.originalId),
    u16(record.error),
    u16(record.other.length),
    record.other,
  ]);
  return Buffer.concat([
    nameToWire(record.keyName),
    u16(tsigType),
    u16(anyClass),
    u32(0),
    u16(rdata.length),
    rdata,
  ]);
}

/** What is digested of the record besides the message, RFC 8945 section 4.3.3. */
export function tsigVariables(record: TsigRecord): Buffer {
  return Buffer.concat([
    nameToWire(record.keyName),
    u16(anyClass),
    u32(0),
    nameToWire(record.algorithm),
    tsigTimers(record),
    u16(record.error),
    u16(record.other.length),
    record.other,
  ]);
}

/** What is digested instead in all but the first message of a transfer, RFC 8945 section 5.3.1. */
export const tsigTimers = ({ timeSigned, fudge }: TsigRecord): Buffer =>
  Buffer.concat([u48(timeSigned), u16(fudge)]);
