import { type DomainName, parseName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import { TransientError } from '../problem.ts';
import { httpGet, httpOrigin } from './http-get.ts';

/** One zone as named's statistics channel tells it. Times are milliseconds since 1970. */
export interface NamedZone {
  /** `primary`, `secondary`, `mirror`, `forward`, … */
  readonly type: string;
  /** Absent: never loaded, or expired. */
  readonly serial?: Serial;
  readonly loaded?: number;
  /** Secondaries only. In the past: the zone has expired. */
  readonly expires?: number;
}

/** Where the statistics channel answers, and for how long to wait. */
export interface StatisticsChannel {
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * The zones of view `_default` (BIND 9.18, 9.20), without those that named makes by itself. 10,000 zones are 1.8 MB.
 * Throws a TransientError where named does not answer, also while it loads, or answers something else.
 */
export async function readNamedZones(
  channel: StatisticsChannel,
): Promise<Map<DomainName, NamedZone>> {
  const body = await read(channel, '/json/v1/zones');
  // A named without a single zone leaves the list out.
  const zones = field(field(field(body, 'views'), '_default'), 'zones') ?? [];
  if (field(body, 'json-stats-version') === undefined || !Array.isArray(zones))
    throw unexpected(channel, 'no views._default.zones');
  return new Map(zones.flatMap(readZone));
}

async function read(channel: StatisticsChannel, path: string): Promise<unknown> {
  const { timeoutMs, signal } = channel;
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const { status, text } = await httpGet(`${httpOrigin(channel)}${path}`, {
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    });
    if (status !== 200) throw unexpected(channel, `HTTP ${status}`);
    return JSON.parse(text);
  } catch (cause) {
    if (cause instanceof TransientError) throw cause;
    throw new TransientError(`${nameOf(channel)} ${explain(cause, timeoutMs)}`, { cause });
  }
}

function explain(cause: unknown, timeoutMs: number): string {
  if (!(cause instanceof Error)) return `failed: ${String(cause)}`;
  if (cause.name === 'TimeoutError') return `did not answer within ${timeoutMs} ms`;
  if (cause.name === 'AbortError') return 'was not waited for';
  if (cause.name === 'SyntaxError') return `answered no JSON: ${cause.message}`;
  return `cannot be read: ${cause.message}`;
}

const unexpected = (channel: StatisticsChannel, what: string): TransientError =>
  new TransientError(`${nameOf(channel)} answered unexpectedly: ${what}`);

const nameOf = ({ address, port }: StatisticsChannel): string =>
  `named's statistics channel at ${address} port ${port}`;

function readZone(zone: unknown): [DomainName, NamedZone][] {
  const type = field(zone, 'type');
  const text = field(zone, 'name');
  if (typeof text !== 'string' || typeof type !== 'string' || type === 'builtin') return [];
  if (field(zone, 'class') !== 'IN') return [];
  const name = parseName(text);
  if (!name.ok) return [];
  const serial = field(zone, 'serial');
  const loaded = time(field(zone, 'loaded'));
  const expires = time(field(zone, 'expires'));
  const known: NamedZone = {
    type,
    ...(typeof serial === 'number' && { serial }),
    ...(loaded !== undefined && { loaded }),
    ...(expires !== undefined && { expires }),
  };
  return [[name.value, known]];
}

/** named writes 1970-01-01 for "never". */
function time(text: unknown): number | undefined {
  const at = typeof text === 'string' ? Date.parse(text) : 0;
  return at > 0 ? at : undefined;
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
