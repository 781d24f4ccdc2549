import type { Removal, ZoneChange } from './zone-change.ts';

/** More goes by a new file: an update must fit into one DNS message, and its cost grows with what it holds. */
const MAX_RECORDS = 10_000;
const MAX_BYTES = 60_000;
/** nsupdate's own limit for a line is 128 kB. */
const MAX_LINE = 100_000;

export type UpdateCommands =
  | { readonly ok: true; readonly lines: readonly string[] }
  | { readonly ok: false; readonly problem: string };

/**
 * The commands of nsupdate that make a change, for each zone: only where its SOA is still the known one. Throws where
 * something would be more than one line.
 */
export function updateScript(changes: readonly ZoneChange[]): string {
  const lines = changes.flatMap((change) => {
    const commands = updateCommands(change);
    if (!commands.ok) throw new Error(`${change.zone}: ${commands.problem}`);
    return commands.lines;
  });
  // Whether an owner is a fit name for a host is judged by named.
  return ['check-names no', ...lines, ''].join('\n');
}

/**
 * The commands for one zone. Record sets go before others come, since a CNAME is not added beside other data; at the
 * apex name servers come before others go, since the last of them is never removed (RFC 2136 section 3.4.2).
 */
export function updateCommands(change: ZoneChange): UpdateCommands {
  const { zone, known, next } = change;
  const lines = [
    `zone ${zone}`,
    `prereq yxrrset ${zone} IN SOA ${known}`,
    ...change.remove.filter((removal) => !isApexNs(removal, change)).map(removeLine),
    ...addLines(change),
    ...change.remove.filter((removal) => isApexNs(removal, change)).map(removeLine),
    `update add ${zone} ${next.ttl} IN SOA ${next.rdata}`,
    'send',
    'answer',
  ];
  const bad = lines.find((line) => !isOneLine(line));
  return bad === undefined
    ? { ok: true, lines }
    : {
        ok: false,
        problem: `want one line of plain text, got ${JSON.stringify(bad.slice(0, 200))}`,
      };
}

const isApexNs = ({ owner, type }: Removal, { zone }: ZoneChange): boolean =>
  owner === zone && type === 'NS';

const removeLine = ({ owner, type, rdata }: Removal): string =>
  `update delete ${owner} IN ${type}${rdata === undefined ? '' : ` ${rdata}`}`;

const addLines = ({ add }: ZoneChange): string[] =>
  add.flatMap(({ owner, ttl, type, rdata }) =>
    rdata.map((data) => `update add ${owner} ${ttl} IN ${type} ${data}`),
  );

/** In canonical form every control character and whatever is not ASCII is escaped. */
const isOneLine = (line: string): boolean => line.length <= MAX_LINE && /^[ -~]*$/.test(line);

/** Whether a change is for DNS UPDATE; else it is a bulk change, which goes by a new file. */
export function fitsUpdate(change: ZoneChange): boolean {
  const added = change.add.reduce((sum, { rdata }) => sum + rdata.length, 0);
  if (change.remove.length + added > MAX_RECORDS) return false;
  // A line's text is about as long as the record's wire form, or longer.
  const lines = [...change.remove.map(removeLine), ...addLines(change)];
  return lines.reduce((sum, line) => sum + line.length, 0) <= MAX_BYTES;
}
