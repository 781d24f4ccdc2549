import { join } from 'node:path';
import type { RRset } from '../dns/rrset.ts';
import { parseSoa } from '../dns/soa.ts';
import { parseCompiled } from '../dns/zone-text.ts';
import type { CompiledZone, CompileRequest } from '../plan/content.ts';
import { type Parsed, type Problem, parsed, refused, TransientError } from '../problem.ts';
import type { run as runProgram } from '../process.ts';

export interface CompileTools {
  readonly run: typeof runProgram;
  /** The folder of BIND's programs; empty: they are found by PATH. */
  readonly tools: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Checks that named does not do when it loads a zone, or that it does with other settings, are off: what it would
 * refuse is told record by record elsewhere (`plan/loadable.ts`), not by refusing the whole text.
 */
const lenient = ['-k', '-i', '-n', '-m', '-M', '-S', '-W', '-r'].flatMap((check) => [
  check,
  check === '-i' ? 'none' : 'ignore',
]);

/**
 * Reads zone text as named does, by named-compilezone. What is wrong in the text comes back as problems, those on a
 * line with the path `line 12`. The text must hold no `$INCLUDE`: see `checkZoneFile`.
 *
 * @throws {TransientError} the program was not found, was stopped, or did not end in time: nothing is known of the text
 */
export async function compileZone(
  request: CompileRequest,
  { run, tools, timeoutMs, signal }: CompileTools,
): Promise<Parsed<CompiledZone>> {
  const ran = await run(
    tools === '' ? 'named-compilezone' : join(tools, 'named-compilezone'),
    // The text comes by stdin: nothing is written, so a full disk is no obstacle and nothing is left behind.
    [...lenient, '-s', 'full', '-o', '-', zoneArgument(request.zone), '-'],
    { input: request.text, timeoutMs, ...(signal === undefined ? {} : { signal }) },
  );
  if (!ran.ok && ran.why !== 'exit') throw new TransientError(ran.message);
  const said = ran.stderr.split('\n').flatMap(problemIn);
  if (ran.ok) return readZone(ran.stdout, said.filter(isLoss));
  const errors = said.filter(({ problem }) => !isWarning(problem));
  if (errors.length > 0) return { ok: false, problems: errors };
  return refused('', / failed: (.+)/.exec(ran.stderr)?.[1] ?? ran.message);
}

/** A name that starts with a hyphen would be taken for an option. */
const zoneArgument = (zone: string): string =>
  zone.startsWith('-') ? `\\045${zone.slice(1)}` : zone;

function readZone(text: string, ignored: readonly Problem[]): Parsed<CompiledZone> {
  const rrsets = parseAll(text);
  const soaSet = rrsets.find(({ type }) => type === 'SOA');
  const soa = parseSoa(soaSet?.rdata[0] ?? '');
  if (soaSet === undefined || soa === undefined) return refused('', 'want an SOA, got none');
  return parsed({
    ...soa,
    soaTtl: soaSet.ttl,
    rrsets: rrsets.filter((rrset) => rrset !== soaSet),
    ignored,
  });
}

function parseAll(text: string): RRset[] {
  try {
    return parseCompiled(text);
  } catch (cause) {
    throw new TransientError('named-compilezone printed something else than a zone', { cause });
  }
}

/** `dns_rdata_fromtext: stream-0x7f…:4: near 'x': bad dotted quad`, or `zone example.com/IN: has no NS records`. */
function problemIn(line: string): Problem[] {
  const onLine = /^(?:dns_\w+: )?stream-0x[0-9a-f]+:(\d+): (.+)$/.exec(line);
  if (onLine !== null) return [{ path: `line ${onLine[1]}`, problem: onLine[2] ?? '' }];
  const ofZone = /^zone (\S+)\/IN: (.+)$/.exec(line);
  if (ofZone === null || isSummary(ofZone[2] ?? '')) return [];
  return [{ path: '', problem: ofZone[2] ?? '' }];
}

/** Said after the reasons, without one. */
const isSummary = (said: string): boolean =>
  /^(?:loading from master file .* failed|not loaded due to errors|loaded serial )/.test(said);

/** What costs the user a record or its TTL. */
const isLoss = ({ problem }: Problem): boolean => /out-of-zone|> MAXTTL/.test(problem);

const isWarning = (said: string): boolean =>
  /^(?:warning: |no TTL specified; using|using RFC1035 TTL|TTL set to prior TTL|old style DNSSEC|ignoring )|> MAXTTL/.test(
    said,
  );
