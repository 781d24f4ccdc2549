import { type ContentResult, zoneContent } from '../plan/content.ts';
import { type Problem, showProblem } from '../problem.ts';
import { readObject } from '../resources/read-object.ts';
import type { DNSZone, DnsRecord, ResourceObject } from '../resources/types.ts';
import type { Review, Verdict } from './review.ts';

/** Warns of what the agents will not take as it stands. Nothing is denied: what is served goes on being served. */
export function validate({ object, namespace }: Review): Verdict {
  const read = readObject(object, { where: 'this object', defaultNamespace: namespace });
  switch (read.kind) {
    case 'object':
      return warned([...notUsed(contentProblems(read.object)), ...read.warnings.map(showProblem)]);
    case 'invalid':
      return warned(notUsed(read.invalid.problems));
    case 'skipped':
      return { outcome: 'fine' };
  }
}

const notUsed = (problems: readonly Problem[]): string[] =>
  problems.map((problem) => `not used by agents: ${showProblem(problem)}`);

const warned = (warnings: readonly string[]): Verdict =>
  warnings.length === 0 ? { outcome: 'fine' } : { outcome: 'warned', warnings };

/** What the object will be refused for when a zone is made of it, as far as it can be known without all others. */
function contentProblems(object: ResourceObject): readonly Problem[] {
  switch (object.kind) {
    case 'DNSZone':
      return zoneProblems(object);
    case 'Bind9Instance':
    case 'Bind9Cluster':
    case 'ConfigMap':
      return [];
    default:
      return recordProblems(object);
  }
}

/** Without its records: what is missing may come with them. */
function zoneProblems(zone: DNSZone): readonly Problem[] {
  const { type, zoneFile, zoneFileFrom } = zone.spec;
  if (type === 'secondary' || zoneFileFrom !== undefined) return [];
  const content = contentOf(zone, [], zoneFile);
  return content.kind === 'unusable' ? content.problems : [];
}

/** Of a record that names no zone itself, it is not known which names are in its zone: in the root, all are. */
function recordProblems(record: DnsRecord): readonly Problem[] {
  const { name, namespace } = record.metadata;
  const zone = readObject(
    {
      apiVersion: record.apiVersion,
      kind: 'DNSZone',
      metadata: { name, namespace },
      spec: { zoneName: record.spec.zone ?? '.' },
    },
    { where: '', defaultNamespace: namespace },
  );
  if (zone.kind !== 'object' || zone.object.kind !== 'DNSZone') return [];
  const content = contentOf(zone.object, [record]);
  const own = `${record.kind} ${name} `;
  return content.kind !== 'content'
    ? []
    : content.problems
        .filter(({ path }) => path.startsWith(own))
        .map(({ path, problem }) => ({ path: path.slice(own.length), problem }));
}

/** What named's tools would have to look at is left to the agents: it is pending here. */
function contentOf(zone: DNSZone, records: readonly DnsRecord[], zoneFile?: string): ContentResult {
  const limits = { maxRecordsPerType: 0, maxTypesPerName: 0 };
  return zoneContent(zone, records, new Map(), limits, zoneFile);
}
