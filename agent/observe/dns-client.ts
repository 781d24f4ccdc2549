import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';
import { encodeQuery } from '../dns/encode-message.ts';
import type { Message, SoaRdata } from '../dns/message.ts';
import type { DomainName } from '../dns/name.ts';
import {
  type Asked,
  type FormErr,
  openReply,
  type RcodeFailure,
  type TsigRefusal,
} from '../dns/reply.ts';
import type { Serial } from '../dns/serial.ts';
import { type TransferredZone, transferReader } from '../dns/transfer-reader.ts';
import { responseVerifier, signMessage } from '../dns/tsig.ts';
import type { TsigKey } from '../dns/tsig-key.ts';
import type { DnsEndpoint, TimedOut, Unreachable } from './dns-endpoint.ts';
import { converse } from './dns-tcp.ts';
import { UdpServer } from './dns-udp.ts';

/** Time and randomness. `randomId` gives 0 to 65535 and must be unpredictable, e.g. `() => randomInt(65536)`. */
export interface DnsClientParts {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly randomId: () => number;
}

export interface SoaQuery extends DnsEndpoint {
  readonly zone: DomainName;
  /** Signs the question; then the answer must be signed too. */
  readonly key?: TsigKey;
  /** Milliseconds for each attempt. */
  readonly timeoutMs: number;
  /** How often the question is sent at most, from 1. */
  readonly attempts: number;
  readonly signal?: AbortSignal;
}

/**
 * What a server says when asked for a zone's SOA.
 * `rcode`: an error; NOERROR where the answer holds no SOA of the zone (it is not served there); FORMERR also where
 * the answer cannot be read. `tsig`: the key, its secret or the clocks do not match.
 */
export type SoaAnswer =
  | {
      readonly kind: 'soa';
      readonly serial: Serial;
      readonly authoritative: boolean;
      readonly rttMs: number;
      readonly soa: SoaRdata;
    }
  | (RcodeFailure & { readonly message?: string })
  | TsigRefusal
  | TimedOut
  | Unreachable;

export interface TransferQuery extends DnsEndpoint {
  readonly zone: DomainName;
  readonly key?: TsigKey;
  /** Milliseconds to the first message, then to each further one. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Breaks off after the first message: asks whether the server would give the zone. */
  readonly firstMessageOnly?: boolean;
}

/** What a server says when asked for a whole zone. */
export type TransferAnswer =
  | TransferredZone
  | RcodeFailure
  | TsigRefusal
  | FormErr
  | TimedOut
  | Unreachable;

/** Offered by EDNS, so that an SOA with all its company needs no TCP; what passes every path (DNS flag day 2020). */
const udpSize = 1232;

/**
 * Asks servers for SOAs over UDP, and over TCP where the answer was cut short. Up to `window` questions are open at
 * each server, the others queue there, so that a server that is silent holds up no other. Over about 150 would overrun
 * a UDP socket's usual buffer (212,992 bytes, of which Linux books 1,280 for a small datagram), ours or the server's:
 * each one lost costs a whole timeout.
 */
export class SoaClient {
  readonly #parts: DnsClientParts;
  readonly #window: number;
  readonly #servers = new Map<string, UdpServer>();

  constructor(parts: DnsClientParts, { window = 64 }: { readonly window?: number } = {}) {
    this.#parts = parts;
    this.#window = window;
  }

  /** Rejects only when the signal aborts. */
  async soa(query: SoaQuery): Promise<SoaAnswer> {
    const wrong = wrongEndpoint(query);
    if (wrong !== undefined) return wrong;
    const { zone, key, timeoutMs, attempts, signal } = query;
    const outcome = await this.#serverFor(query).exchange<SoaReply>({
      request: (id) => {
        const { bytes, asked } = ask(this.#parts, { id, zone, type: 'SOA', udpSize }, key);
        return { bytes, read: (reply) => readSoa(reply, asked, this.#seconds()) };
      },
      timeoutMs,
      attempts,
      ...(signal === undefined ? {} : { signal }),
    });
    if (outcome.kind !== 'reply') return outcome;
    if (outcome.value.kind === 'truncated') return this.#overTcp(query);
    return timed(outcome.value, outcome.rttMs);
  }

  async #overTcp(query: SoaQuery): Promise<SoaAnswer> {
    const { zone, key, timeoutMs, signal } = query;
    const { clock, randomId } = this.#parts;
    const { bytes, asked } = ask(this.#parts, { id: randomId(), zone, type: 'SOA' }, key);
    const sentAt = clock.monotonic();
    const outcome = await converse({
      endpoint: query,
      request: bytes,
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
      read: (reply) => readSoa(reply, asked, this.#seconds()),
    });
    if (outcome.kind !== 'done') return outcome;
    if (outcome.value.kind === 'truncated') {
      return { kind: 'rcode', rcode: 'FORMERR', message: 'cut short, even over TCP' };
    }
    return timed(outcome.value, clock.monotonic() - sentAt);
  }

  #serverFor({ address, port, localAddress }: DnsEndpoint): UdpServer {
    const place = `${address} ${port} ${localAddress ?? ''}`;
    const known = this.#servers.get(place);
    if (known !== undefined) return known;
    const server = new UdpServer({
      endpoint: { address, port, ...(localAddress === undefined ? {} : { localAddress }) },
      clock: this.#parts.clock,
      randomId: this.#parts.randomId,
      window: this.#window,
      idle: () => this.#servers.delete(place),
    });
    this.#servers.set(place, server);
    return server;
  }

  #seconds(): number {
    return secondsOf(this.#parts);
  }
}

/**
 * Takes a zone by AXFR over TCP, or only asks for it. Rejects only when the signal aborts, which is also how the whole
 * of a transfer is limited in time.
 */
export async function transfer(
  query: TransferQuery,
  parts: DnsClientParts,
): Promise<TransferAnswer> {
  const wrong = wrongEndpoint(query);
  if (wrong !== undefined) return wrong;
  const { zone, key, timeoutMs, signal, firstMessageOnly = false } = query;
  const { bytes, asked } = ask(parts, { id: parts.randomId(), zone, type: 'AXFR' }, key);
  const reader = transferReader(asked, { firstMessageOnly });
  const outcome = await converse({
    endpoint: query,
    request: bytes,
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
    read: (message) => reader(message, secondsOf(parts)),
  });
  return outcome.kind === 'done' ? outcome.value : outcome;
}

interface QueryParts {
  readonly id: number;
  readonly zone: DomainName;
  readonly type: 'SOA' | 'AXFR';
  readonly udpSize?: number;
}

function ask(
  parts: DnsClientParts,
  { id, zone: name, type, ...size }: QueryParts,
  key: TsigKey | undefined,
): { readonly bytes: Buffer; readonly asked: Asked } {
  const query = encodeQuery({ id, name, type, ...size });
  if (key === undefined) return { bytes: query, asked: { id, name, type } };
  const { bytes, mac } = signMessage(query, key, secondsOf(parts));
  return { bytes, asked: { id, name, type, verifier: responseVerifier(key, mac) } };
}

const secondsOf = ({ clock }: DnsClientParts): number => Math.floor(clock.now() / 1000);

type SoaReply =
  | { readonly kind: 'soa'; readonly authoritative: boolean; readonly soa: SoaRdata }
  | { readonly kind: 'truncated' }
  | Extract<SoaAnswer, { kind: 'rcode' | 'tsig' }>;

/** Undefined for what is no answer to the question. */
function readSoa(bytes: Buffer, asked: Asked, now: number): SoaReply | undefined {
  const reply = openReply(bytes, asked, now);
  switch (reply.kind) {
    case 'stray':
      return undefined;
    case 'formerr':
      return { kind: 'rcode', rcode: 'FORMERR', message: reply.message };
    case 'rcode':
    case 'tsig':
      return reply;
    case 'reply':
      return soaIn(reply.message, asked.name);
  }
}

function soaIn({ answer, flags }: Message, zone: DomainName): SoaReply {
  const soa = answer.find(({ owner, soa }) => owner === zone && soa !== undefined)?.soa;
  if (soa !== undefined) return { kind: 'soa', authoritative: flags.authoritative, soa };
  return flags.truncated ? { kind: 'truncated' } : { kind: 'rcode', rcode: 'NOERROR' };
}

const timed = (reply: Exclude<SoaReply, { kind: 'truncated' }>, rttMs: number): SoaAnswer =>
  reply.kind === 'soa' ? { ...reply, serial: reply.soa.serial, rttMs } : reply;

function wrongEndpoint({ address, port }: DnsEndpoint): Unreachable | undefined {
  if (isIP(address) !== 0 && Number.isInteger(port) && port >= 1 && port <= 65_535)
    return undefined;
  return {
    kind: 'unreachable',
    message: `want an IP address and a port from 1 to 65535, got "${address}" port ${port}`,
  };
}
