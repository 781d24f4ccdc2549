import type { Problem } from '../problem.ts';

/** `rndc status`, parsed (BIND 9.18, 9.20). Fields that this version does not print are absent. */
export interface NamedStatus {
  /** The whole version line, e.g. `BIND 9.18.49-1~deb12u3-Debian (Extended Support Version) <id:>`. */
  readonly version: string;
  /** The number alone, e.g. `9.18.49`. */
  readonly release?: string;
  readonly runningOn?: string;
  /** RFC 3339. */
  readonly bootTime?: string;
  readonly lastConfigured?: string;
  readonly configurationFile?: string;
  readonly cpus?: number;
  readonly workerThreads?: number;
  /** Counts one internal zone more than the configuration has. */
  readonly zones?: number;
  readonly automaticZones?: number;
  readonly debugLevel?: number;
  readonly transfersRunning?: number;
  readonly transfersDeferred?: number;
  readonly soaQueries?: number;
  readonly queryLogging?: boolean;
  readonly recursiveClients?: Clients;
  readonly tcpClients?: Clients;
  readonly tcpHighWater?: number;
  /** "server is up and running". It does not mean that every zone is loaded. */
  readonly running: boolean;
  /** "reload/reconfig in progress": zones are being loaded, after a start too (BIND 9.20; 9.18 does not answer then). */
  readonly loading?: true;
}

/** Clients now, and the limit; `soft` is the limit at which old ones are dropped. */
export interface Clients {
  readonly now: number;
  readonly soft?: number;
  readonly limit: number;
}

/** Reads what `rndc status` printed; a problem where it is not that at all. */
export function parseNamedStatus(text: string): NamedStatus | Problem {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const fields = new Map(lines.flatMap(field));
  const version = fields.get('version');
  if (version === undefined) {
    return {
      path: '',
      problem: `want the output of rndc status, got "${text.slice(0, 60).trim()}"`,
    };
  }
  const zones = /^(\d+)(?: \((\d+) automatic\))?/.exec(fields.get('number of zones') ?? '');
  const logging = lines.find((line) => line.startsWith('query logging is '));
  return withoutUndefined({
    version,
    release: /\b\d+\.\d+\.\d+\b/.exec(version)?.[0],
    runningOn: fields.get('running on') ?? runningOn(fields),
    bootTime: time(fields.get('boot time')),
    lastConfigured: time(fields.get('last configured')),
    configurationFile: fields.get('configuration file'),
    cpus: whole(fields.get('CPUs found')),
    workerThreads: whole(fields.get('worker threads')),
    zones: whole(zones?.[1]),
    automaticZones: whole(zones?.[2]),
    debugLevel: whole(fields.get('debug level')),
    transfersRunning: whole(fields.get('xfers running')),
    transfersDeferred: whole(fields.get('xfers deferred')),
    soaQueries: whole(fields.get('soa queries in progress')),
    queryLogging: logging === undefined ? undefined : logging.endsWith(' ON'),
    recursiveClients: clients(fields.get('recursive clients')),
    tcpClients: clients(fields.get('tcp clients')),
    tcpHighWater: whole(fields.get('TCP high-water')),
    running: lines.includes('server is up and running'),
    loading: lines.includes('reload/reconfig in progress') || undefined,
  });
}

function field(line: string): [string, string][] {
  const split = /^([^:]+):\s+(.*)$/.exec(line);
  return split?.[1] !== undefined && split[2] !== undefined ? [[split[1], split[2]]] : [];
}

/** "running on <host>: <system>": the host's name is part of the field's name. */
function runningOn(fields: ReadonlyMap<string, string>): string | undefined {
  for (const [name, value] of fields) if (name.startsWith('running on ')) return value;
  return undefined;
}

/** named prints `Sat, 21 Nov 2026 11:34:52 GMT`. */
function time(text: string | undefined): string | undefined {
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString().replace('.000Z', 'Z');
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** `0/900/1000` for recursive clients, `0/5000` for TCP. */
function clients(text: string | undefined): Clients | undefined {
  const counts = /^(\d+)\/(?:(\d+)\/)?(\d+)$/.exec(text ?? '');
  if (counts === null) return undefined;
  return withoutUndefined({
    now: Number(counts[1]),
    soft: whole(counts[2]),
    limit: Number(counts[3]),
  });
}

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

function withoutUndefined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Defined<T>;
}
