import { type DomainName, parseName } from './name.ts';
import type { Serial } from './serial.ts';

/** A start of authority (RFC 1035 section 3.3.13) without its serial. Timers in seconds. */
export interface SoaData {
  /** The primary name server. */
  readonly mname: DomainName;
  /** The administrator's mailbox; its first label is what stands before the @. */
  readonly rname: DomainName;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  /** How long an answer of absence may be cached (RFC 2308 section 4). */
  readonly minimum: number;
}

/** The SOA's rdata. */
export function formatSoa(soa: SoaData, serial: Serial): string {
  const { mname, rname, refresh, retry, expire, minimum } = soa;
  return `${mname} ${rname} ${serial} ${refresh} ${retry} ${expire} ${minimum}`;
}

/** Reads the rdata of an SOA; undefined where it is none. */
export function parseSoa(rdata: string): { soa: SoaData; serial: Serial } | undefined {
  const [first = '', second = '', ...rest] = rdata.split(' ');
  const mname = parseName(first);
  const rname = parseName(second);
  const numbers = rest.map(Number);
  const [serial, refresh, retry, expire, minimum] = numbers;
  if (!mname.ok || !rname.ok || numbers.length !== 5 || !numbers.every(isUint32)) return undefined;
  if (serial === undefined || refresh === undefined || retry === undefined) return undefined;
  if (expire === undefined || minimum === undefined) return undefined;
  const soa = { mname: mname.value, rname: rname.value, refresh, retry, expire, minimum };
  return { soa, serial };
}

const isUint32 = (number: number): boolean =>
  Number.isInteger(number) && number >= 0 && number <= 4_294_967_295;
