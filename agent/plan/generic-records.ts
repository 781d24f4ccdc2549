import type { DomainName } from '../dns/name.ts';
import type { RRset } from '../dns/rrset.ts';
import { whyNotOneRecord } from '../dns/zone-file.ts';
import type { Problem } from '../problem.ts';
import type { Candidate } from './candidate.ts';
import type { CompiledLookup, CompiledZone, CompileRequest } from './content.ts';
import { type GenericRecord, objectOf, originOf } from './record-candidates.ts';

export interface CompiledRecords {
  readonly candidates: readonly Candidate[];
  readonly problems: readonly Problem[];
  /** What is to be compiled first; with any of these, the rest is not yet whole. */
  readonly requests: readonly CompileRequest[];
}

/** One entry of a `DNSRecord`'s `data`. */
interface Line {
  readonly generic: GenericRecord;
  readonly index: number;
  readonly data: string;
}

/** So often a batch is asked for again without what was wrong in it; after that by halves. */
const mostAttempts = 2;

/**
 * The records of all `DNSRecord`s of a zone. They are compiled together, for a process each would take minutes where
 * there are thousands. An object that does not compile is left out, and the others are asked for again without it.
 */
export function compiledCandidates(
  generic: readonly GenericRecord[],
  zone: DomainName,
  compiled: CompiledLookup,
): CompiledRecords {
  const found: Found = { candidates: [], problems: [], requests: [] };
  const sound = generic.filter((each) => {
    const problems = problemsOf(each);
    found.problems.push(...problems);
    return problems.length === 0;
  });
  compileTogether(sound, 1, zone, compiled, found);
  return found;
}

interface Found {
  candidates: Candidate[];
  problems: Problem[];
  requests: CompileRequest[];
}

function compileTogether(
  generic: readonly GenericRecord[],
  attempt: number,
  zone: DomainName,
  compiled: CompiledLookup,
  found: Found,
): void {
  if (generic.length === 0) return;
  const lines = linesOf(generic);
  const request = requestFor(lines, zone);
  const result = compiled.get(request);
  if (result === undefined) {
    found.requests.push(request);
  } else if (result.ok) {
    takeCandidates(result.value, lines, found);
  } else {
    const bad = takeProblems(result.problems, generic, lines, found);
    const rest = generic.filter((each) => !bad.has(each));
    // BIND 9.20 tells the first mistake only, and some mistakes have no line: halving finds them in few rounds.
    const halve = attempt >= mostAttempts || bad.size === 0;
    const middle = halve ? Math.ceil(rest.length / 2) : rest.length;
    compileTogether(rest.slice(0, middle), attempt + 1, zone, compiled, found);
    compileTogether(rest.slice(middle), attempt + 1, zone, compiled, found);
  }
}

/** Tells what is wrong, and returns the objects it is wrong in. */
function takeProblems(
  problems: readonly Problem[],
  generic: readonly GenericRecord[],
  lines: readonly Line[],
  found: Found,
): ReadonlySet<GenericRecord> {
  const bad = new Set<GenericRecord>();
  const told = new Set<Line>();
  for (const problem of problems) {
    const line = lineOf(problem, lines);
    if (line === undefined) continue;
    bad.add(line.generic);
    // The first reason is the one; what follows on the same line follows from it.
    if (!told.has(line)) found.problems.push(notRead(line, problem.problem));
    told.add(line);
  }
  const [only] = generic;
  if (bad.size > 0 || generic.length > 1 || only === undefined) return bad;
  const path = `${objectOf(only.record)} spec.data`;
  for (const { problem } of problems) found.problems.push({ path, problem });
  return new Set(generic);
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

/** The made-up owner says nothing to the user. */
const notRead = ({ generic: { record }, index, data }: Line, why: string): Problem => ({
  path: `${objectOf(record)} spec.data[${index}]`,
  problem: `want data of type ${record.spec.type}, got ${JSON.stringify(data.slice(0, 200))}: ${why.replace(/ \(r\d+\)$/, '')}`,
});

function takeCandidates(zone: CompiledZone, lines: readonly Line[], found: Found): void {
  const byOwner = new Map<string, RRset>(zone.rrsets.map((rrset) => [rrset.owner, rrset]));
  for (const [at, line] of lines.entries()) {
    const { record, owner, ttl } = line.generic;
    const rrset = byOwner.get(`r${at}.`);
    // Only TYPE1 may come back under another name (A); with any other, the data was something else than it seemed.
    if (rrset === undefined || !(rrset.type === record.spec.type || isNumbered(record.spec.type))) {
      found.problems.push(notRead(line, `named reads ${rrset?.type ?? 'nothing'}`));
      continue;
    }
    const origin = originOf(record, `spec.data[${line.index}]`);
    found.candidates.push({ owner, type: rrset.type, ttl, rdata: rrset.rdata, origin });
  }
}

const isNumbered = (type: string): boolean => /^TYPE\d+$/.test(type);
