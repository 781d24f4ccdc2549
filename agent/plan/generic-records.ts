import type { DomainName } from '../dns/name.ts';
import { whyNotOneRecord } from '../dns/zone-file.ts';
import type { Problem } from '../problem.ts';
import type { Candidate } from './candidate.ts';
import type { CompiledLookup, CompiledZone, CompileRequest } from './content.ts';
import { type GenericRecord, objectOf, originOf } from './record-candidates.ts';

export type Compiled =
  | { readonly kind: 'pending'; readonly request: CompileRequest }
  | {
      readonly kind: 'done';
      readonly candidates: readonly Candidate[];
      readonly problems: readonly Problem[];
    };

/** One entry of a `DNSRecord`'s `data`. */
interface Line {
  readonly generic: GenericRecord;
  readonly index: number;
  readonly data: string;
}

/**
 * The records of all `DNSRecord`s of a zone. They are compiled together, for a process each would take minutes where
 * there are thousands. An object that does not compile is left out, and the others are asked for again without it.
 */
export function compiledCandidates(
  generic: readonly GenericRecord[],
  zone: DomainName,
  compiled: CompiledLookup,
): Compiled {
  const problems = generic.flatMap(problemsOf);
  let lines = linesOf(generic.filter((each) => problemsOf(each).length === 0));
  while (lines.length > 0) {
    const request = requestFor(lines, zone);
    const result = compiled.get(request);
    if (result === undefined) return { kind: 'pending', request };
    if (result.ok) {
      const found = candidatesIn(result.value, lines);
      return {
        kind: 'done',
        candidates: found.candidates,
        problems: [...problems, ...found.problems],
      };
    }
    const told = result.problems.map((problem) => ({ problem, line: lineOf(problem, lines) }));
    const bad = new Set(told.flatMap(({ line }) => (line === undefined ? [] : [line.generic])));
    for (const { problem, line } of told) {
      if (line !== undefined) problems.push(notRead(line, problem.problem));
      else if (bad.size === 0) problems.push({ path: 'DNSRecord', problem: problem.problem });
    }
    lines = bad.size === 0 ? [] : lines.filter((line) => !bad.has(line.generic));
  }
  return { kind: 'done', candidates: [], problems };
}

/** What can be told without named-compilezone, and what it must never see. */
function problemsOf({ record }: GenericRecord): Problem[] {
  const problems: Problem[] = [];
  const { type, data } = record.spec;
  if (!/^[A-Z][A-Z0-9-]*$/.test(type)) {
    const problem = `want a type such as SSHFP or TYPE65534, got ${JSON.stringify(type)}`;
    problems.push({ path: `${objectOf(record)} spec.type`, problem });
  }
  for (const [index, text] of data.entries()) {
    const why = whyNotOneRecord(text);
    if (why !== undefined)
      problems.push({ path: `${objectOf(record)} spec.data[${index}]`, problem: why });
  }
  return problems;
}

const linesOf = (generic: readonly GenericRecord[]): Line[] =>
  generic.flatMap((each) =>
    each.record.spec.data.map((data, index) => ({ generic: each, index, data })),
  );

/** Names within the data are relative to the zone. */
const headOf = (zone: DomainName): readonly string[] => [
  `$ORIGIN ${zone}`,
  '. 0 IN SOA . . 1 1 1 1 1',
  '. 0 IN NS ns.',
  'ns. 0 IN A 192.0.2.1',
];

/**
 * Each entry has an owner of its own in a root zone made up for them, so that they cannot come into conflict with one
 * another. The owners they are for are checked elsewhere.
 */
function requestFor(lines: readonly Line[], zone: DomainName): CompileRequest {
  const records = lines.map(
    ({ generic, data }, at) => `r${at}. 0 IN ${generic.record.spec.type} ${data}`,
  );
  return { zone: '.' as DomainName, text: [...headOf(zone), ...records, ''].join('\n') };
}

function lineOf({ path }: Problem, lines: readonly Line[]): Line | undefined {
  const number = /^line (\d+)$/.exec(path)?.[1];
  return number === undefined
    ? undefined
    : lines[Number(number) - 1 - headOf('.' as DomainName).length];
}

const notRead = ({ generic: { record }, index, data }: Line, why: string): Problem => ({
  path: `${objectOf(record)} spec.data[${index}]`,
  problem: `want data of type ${record.spec.type}, got ${JSON.stringify(data.slice(0, 200))}: ${why}`,
});

function candidatesIn(
  zone: CompiledZone,
  lines: readonly Line[],
): { candidates: Candidate[]; problems: Problem[] } {
  const candidates: Candidate[] = [];
  const problems: Problem[] = [];
  const byOwner = new Map<string, (typeof zone.rrsets)[number]>();
  for (const rrset of zone.rrsets) byOwner.set(rrset.owner, rrset);
  for (const [at, line] of lines.entries()) {
    const { record, owner, ttl } = line.generic;
    const rrset = byOwner.get(`r${at}.`);
    // Only TYPE1 may come back under another name (A), for any other the data was something else than it seemed.
    if (rrset === undefined || !(rrset.type === record.spec.type || isNumbered(record.spec.type))) {
      problems.push(notRead(line, `named reads ${rrset?.type ?? 'nothing'}`));
      continue;
    }
    const origin = originOf(record, `spec.data[${line.index}]`);
    candidates.push({ owner, type: rrset.type, ttl, rdata: rrset.rdata, origin });
  }
  return { candidates, problems };
}

const isNumbered = (type: string): boolean => /^TYPE\d+$/.test(type);
