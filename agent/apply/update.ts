import { join } from 'node:path';
import { atOnce } from '../at-once.ts';
import type { DomainName } from '../dns/name.ts';
import type { Ran, run } from '../process.ts';
import { updateCommands, updateScript } from './update-script.ts';
import type { ZoneChange } from './zone-change.ts';

export interface UpdateDeps {
  readonly run: typeof run;
  /** Folder of nsupdate, empty for PATH. */
  readonly tools: string;
  readonly server: { readonly address: string; readonly port: number };
  /** A file, readable by us alone, that holds the key in named.conf's syntax: a secret is not for a command line. */
  readonly keyFile: string;
  /** For one process, hence for some hundred zones. */
  readonly timeoutMs: number;
}

export type UpdateOutcome =
  | { readonly kind: 'applied' }
  /** named serves another SOA than was thought: somebody else changed something. Nothing was changed. */
  | { readonly kind: 'stale' }
  /** Nothing was changed. */
  | { readonly kind: 'refused'; readonly why: string }
  /** No answer was seen: it may have taken, or take yet when a hung named goes on. The zone's SOA tells. */
  | { readonly kind: 'unknown'; readonly why: string };

/** A process sends its zones one after the other: about a ms a zone, but twenty where the machine is busy. */
const MOST_ZONES_PER_PROCESS = 500;
/** For fewer, another process is not worth its start. */
const LEAST_ZONES_PER_PROCESS = 16;
const BYTES_PER_PROCESS = 8 * 1024 * 1024;
const PROCESSES = 4;

/**
 * Changes served zones by DNS UPDATE (RFC 2136) with nsupdate (BIND 9.18): each zone whole or not at all, and only where
 * it serves what the change starts from. Every zone gets an outcome of its own, in a batch too: nsupdate goes on after a
 * refusal and prints each answer with its zone. Over TCP, for a repeated datagram would find its own change and report it
 * as somebody else's.
 */
export async function sendUpdates(
  changes: readonly ZoneChange[],
  deps: UpdateDeps,
  signal?: AbortSignal,
): Promise<Map<DomainName, UpdateOutcome>> {
  const outcomes = new Map<DomainName, UpdateOutcome>();
  const sound: ZoneChange[] = [];
  for (const change of changes) {
    const commands = updateCommands(change);
    if (commands.ok) sound.push(change);
    else outcomes.set(change.zone, { kind: 'refused', why: commands.problem });
  }
  await atOnce(PROCESSES, batchesOf(sound), async (batch) => {
    for (const [zone, outcome] of await sendBatch(batch, deps, signal)) outcomes.set(zone, outcome);
  });
  return outcomes;
}

function batchesOf(changes: readonly ZoneChange[]): ZoneChange[][] {
  const batches: ZoneChange[][] = [];
  const share = Math.ceil(changes.length / PROCESSES);
  const most = Math.min(MOST_ZONES_PER_PROCESS, Math.max(LEAST_ZONES_PER_PROCESS, share));
  let size = Infinity;
  for (const change of changes) {
    const length = updateScript([change]).length;
    const last = batches.at(-1);
    if (last === undefined || last.length === most || size + length > BYTES_PER_PROCESS) {
      batches.push([change]);
      size = length;
    } else {
      last.push(change);
      size += length;
    }
  }
  return batches;
}

async function sendBatch(
  batch: readonly ZoneChange[],
  deps: UpdateDeps,
  signal: AbortSignal | undefined,
): Promise<Map<DomainName, UpdateOutcome>> {
  const outcomes = new Map<DomainName, UpdateOutcome>();
  let rest = batch;
  while (rest.length > 0) {
    const ran = await send(rest, deps, signal);
    const noKey = /^could not read key.*$/m.exec(ran.stderr)?.[0];
    for (const [zone, outcome] of readAnswers(ran.stdout)) {
      const unsigned = outcome.kind === 'refused' && noKey !== undefined;
      outcomes.set(zone, unsigned ? { kind: 'refused', why: noKey } : outcome);
    }
    const unanswered = rest.filter(({ zone }) => !outcomes.has(zone));
    const [culprit, ...others] = unanswered;
    if (culprit === undefined) break;
    if (!isSyntaxError(ran)) {
      for (const { zone } of unanswered) outcomes.set(zone, { kind: 'unknown', why: whyOf(ran) });
      break;
    }
    // nsupdate stops for good at what it cannot read; the others are not to suffer for it.
    outcomes.set(culprit.zone, { kind: 'refused', why: whyOf(ran) });
    rest = others;
  }
  return outcomes;
}

async function send(
  changes: readonly ZoneChange[],
  { run, tools, server, keyFile, timeoutMs }: UpdateDeps,
  signal: AbortSignal | undefined,
): Promise<Ran> {
  const file = tools === '' ? 'nsupdate' : join(tools, 'nsupdate');
  const seconds = String(Math.max(1, Math.ceil(timeoutMs / 1000)));
  const script = `server ${server.address} ${server.port}\n${updateScript(changes)}`;
  return run(file, ['-v', '-t', seconds, '-k', keyFile], {
    input: script,
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
}

const isSyntaxError = (ran: Ran): boolean =>
  !ran.ok &&
  ran.why === 'exit' &&
  /^(?:syntax error|incorrect section name|.*bad owner)/m.test(ran.stderr);

/** The last thing that nsupdate complained of. */
function whyOf(ran: Ran): string {
  const lines = ran.stderr.split('\n').filter((line) => line !== '' && line !== 'syntax error');
  return lines.at(-1) ?? (ran.ok ? 'nsupdate printed no answer' : ran.message);
}

/** What nsupdate's `answer` command printed: for each update the status, then the zone, then the signature's error. */
function readAnswers(stdout: string): Map<DomainName, UpdateOutcome> {
  const outcomes = new Map<DomainName, UpdateOutcome>();
  for (const answer of stdout.split('opcode: UPDATE, ').slice(1)) {
    const [, status] = /^status: (\w+)/.exec(answer) ?? [];
    const [, zone] = /^;; ZONE SECTION:\n;(\S+)\s+IN\s+SOA$/m.exec(answer) ?? [];
    const [, signature] = /^\S+\s+0\s+ANY\s+TSIG\s.*\s(BAD\w+)\s/m.exec(answer) ?? [];
    if (status === undefined || zone === undefined) continue;
    outcomes.set(zone as DomainName, outcomeOf(status, signature));
  }
  return outcomes;
}

function outcomeOf(status: string, signature: string | undefined): UpdateOutcome {
  if (status === 'NOERROR') return { kind: 'applied' };
  if (status === 'NXRRSET') return { kind: 'stale' };
  const why = signature === undefined ? status : `${status} (${signature})`;
  return { kind: 'refused', why: `named answered the update with ${why}` };
}
