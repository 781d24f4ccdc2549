import {
  recordsOf,
  renderZone,
  type ZoneContent,
  type ZoneRecords,
} from '../../agent/dns/zone-text.ts';
import { compileZone } from '../../agent/observe/compile-zone.ts';
import type { CompiledZone, CompileRequest, ContentResult } from '../../agent/plan/content.ts';
import { zoneContent } from '../../agent/plan/content.ts';
import type { ContentLimits } from '../../agent/plan/loadable.ts';
import type { Parsed } from '../../agent/problem.ts';
import { showProblem } from '../../agent/problem.ts';
import { run } from '../../agent/process.ts';
import {
  type DNSZone,
  type DNSZoneSpec,
  type DnsRecord,
  keyOfKind,
  objectKey,
  type RecordKind,
  type RecordSpecs,
} from '../../agent/resources/types.ts';

const apiVersion = 'bindy.firestoned.io/v1beta1';

const metadata = (name: string, labels: Record<string, string> = {}, since?: string) => ({
  name,
  namespace: 'dns',
  labels,
  annotations: {},
  ...(since === undefined ? {} : { creationTimestamp: since }),
});

export const zoneObject = (spec: Partial<DNSZoneSpec> = {}, name = 'example-com'): DNSZone => ({
  kind: 'DNSZone',
  apiVersion,
  key: objectKey('dns', name),
  metadata: metadata(name),
  spec: { zoneName: 'example.com', ...spec },
});

/** A zone whose name server is elsewhere, so that nothing else is needed. */
export const plainZone = (spec: Partial<DNSZoneSpec> = {}): DNSZone =>
  zoneObject({ nameServers: [{ hostname: 'ns1.example.net.' }], ...spec });

export function record<Kind extends RecordKind>(
  kind: Kind,
  name: string,
  spec: RecordSpecs[Kind],
  about: { labels?: Record<string, string>; since?: string } = {},
): DnsRecord {
  // The kind and its spec belong together by the parameters; the union cannot see that.
  return {
    kind,
    apiVersion,
    key: keyOfKind(kind, 'dns', name),
    metadata: metadata(name, about.labels, about.since),
    spec,
  } as unknown as DnsRecord;
}

export const limits: ContentLimits = { maxRecordsPerType: 5000, maxTypesPerName: 500 };

export interface Outcome {
  /** Lines of the zone, without header, SOA and serial; none where the zone is unusable. */
  readonly lines: string[];
  readonly problems: string[];
  readonly content?: ZoneContent & ZoneRecords;
  readonly floor?: number;
  /** Times that named-compilezone was asked. */
  readonly compiled: number;
  /** Times that content was asked for in vain. */
  readonly rounds: number;
}

export const compile = (request: CompileRequest): Promise<Parsed<CompiledZone>> =>
  compileZone(request, { run, tools: '', timeoutMs: 10_000 });

/** Asks for content and compiles what it asks for, until there is a result. */
export async function contentOf(
  zone: DNSZone,
  records: readonly DnsRecord[] = [],
  zoneFileText: string | undefined = zone.spec.zoneFile,
  limit: ContentLimits = limits,
  compiler: typeof compile = compile,
): Promise<Outcome> {
  const known = new Map<string, Parsed<CompiledZone>>();
  const keyOf = ({ zone: name, text }: CompileRequest) => `${name}\n${text}`;
  const lookUp = { get: (request: CompileRequest) => known.get(keyOf(request)) };
  for (let rounds = 0; rounds < 50; rounds += 1) {
    const result = zoneContent(zone, records, lookUp, limit, zoneFileText);
    if (result.kind !== 'pending') return outcome(result, { compiled: known.size, rounds });
    for (const request of result.requests) {
      if (!known.has(keyOf(request))) known.set(keyOf(request), await compiler(request));
    }
  }
  throw new Error('asks again and again');
}

function outcome(
  result: Exclude<ContentResult, { kind: 'pending' }>,
  effort: Pick<Outcome, 'compiled' | 'rounds'>,
): Outcome {
  const problems = result.problems.map(showProblem);
  if (result.kind === 'unusable') return { lines: [], problems, ...effort };
  const { floor } = result;
  const content = { ...result.content, ...recordsOf(result.content) };
  const lines = renderZone(content, 1).trimEnd().split('\n').slice(3);
  return { lines, problems, content, ...effort, ...(floor === undefined ? {} : { floor }) };
}
