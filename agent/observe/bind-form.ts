import { root } from '../dns/name.ts';
import type { RRset } from '../dns/rrset.ts';
import { TransientError } from '../problem.ts';
import { type CompileTools, compileZone } from './compile-zone.ts';

/** Rdata as RFC 3597 shows it, which every program can write for every type. */
const isUnnamedForm = (rdata: string): boolean => rdata.startsWith('\\# ');

/**
 * The same records with all rdata as BIND prints it, which is how zone content has it: content that was read off the
 * wire shows types such as SSHFP as `\# length hex`, and would differ from the rendered content in its hash.
 *
 * @throws {TransientError} as `compileZone` does
 */
export async function inBindForm(
  rrsets: readonly RRset[],
  tools: CompileTools,
): Promise<readonly RRset[]> {
  const unnamed = rrsets.filter(({ rdata }) => rdata.some(isUnnamedForm));
  if (unnamed.length === 0) return rrsets;
  const lines = unnamed.flatMap(({ type, rdata }, i) =>
    rdata.map((data) => `r${i}. 0 IN ${type} ${data}`),
  );
  const head = ['. 0 IN SOA . . 1 1 1 1 1', '. 0 IN NS ns.', 'ns. 0 IN A 192.0.2.1'];
  const text = [...head, ...lines, ''].join('\n');
  const compiled = await compileZone({ zone: root, text }, tools);
  if (!compiled.ok) throw new TransientError('named-compilezone does not read what named served');
  const printed = new Map<string, RRset>(compiled.value.rrsets.map((each) => [each.owner, each]));
  const replaced = new Map(unnamed.map((rrset, i) => [rrset, printed.get(`r${i}.`)]));
  return rrsets.map((rrset) => {
    const { type, rdata } = replaced.get(rrset) ?? rrset;
    return { ...rrset, type, rdata };
  });
}
