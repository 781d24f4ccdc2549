import type { Serial } from '../dns/serial.ts';
import { type Problem, showProblem } from '../problem.ts';
import { type Condition, isBad, type Transfer } from './zone-report.ts';

/** What is known of a zone beside its copies. */
export interface Findings {
  /** Everything that is wrong with the object or its records. */
  readonly problems: readonly Problem[];
  /** The object cannot be used as it stands; what was served before goes on. */
  readonly unusable: boolean;
  /** Who else has the zone's name. */
  readonly conflict: string | undefined;
  /** Why this pod's content is not the one that was agreed on. */
  readonly diverged: string | undefined;
  /** Why named would not take what was planned. */
  readonly failure: string | undefined;
  /** Pods share a key; without one transfers are unsigned. */
  readonly signed: boolean;
}

export interface ZoneJudgement {
  readonly findings: Findings;
  readonly transfers: readonly Transfer[];
  readonly serial: Serial | undefined;
  readonly observedGeneration: number | undefined;
  /** RFC 3339. */
  readonly now: string;
  readonly before: readonly Condition[];
}

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>;

/** The four conditions of a zone. A condition's time is that of its last change of status. */
export function judgeZone(judgement: ZoneJudgement): Condition[] {
  const { findings } = judgement;
  return [
    condition('Ready', ready(judgement), judgement),
    condition('TransfersHealthy', transfersHealthy(judgement), judgement),
    condition('Conflict', flag(findings.conflict, 'NameTaken', 'NoConflict'), judgement),
    condition('Diverged', flag(findings.diverged, 'ContentDiffers', 'Agreed'), judgement),
  ];
}

function condition(
  type: Condition['type'],
  verdict: Verdict,
  { before, now, observedGeneration }: ZoneJudgement,
): Condition {
  const former = before.find((each) => each.type === type);
  return {
    type,
    ...verdict,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    lastTransitionTime: former?.status === verdict.status ? former.lastTransitionTime : now,
  };
}

function ready({ findings, transfers, serial }: ZoneJudgement): Verdict {
  const { problems, conflict, failure, unusable } = findings;
  const told = problems.map(showProblem).join('; ');
  if (conflict !== undefined) return no('Conflict', conflict);
  if (unusable) return no('InvalidSpec', told);
  if (failure !== undefined) return no('LoadFailed', failure);
  if (transfers.length === 0) return no('NotServed', told === '' ? 'no pod serves the zone' : told);
  if (serial === undefined) return no('NotServed', 'no pod answers for the zone yet');
  if (problems.length > 0) return no('ProblemsFound', told);
  const serving = transfers.filter((each) => each.serial !== undefined).length;
  return yes('Serving', `served at serial ${serial}, by ${serving} of ${pods(transfers.length)}`);
}

function transfersHealthy({ findings, transfers, serial }: ZoneJudgement): Verdict {
  const secondaries = transfers.filter(({ role }) => role === 'secondary');
  const unsigned = findings.signed ? '' : '; transfers are not signed, no key is given';
  if (secondaries.length === 0)
    return yes('NoSecondaries', `no secondary is registered${unsigned}`);
  const failing = secondaries.filter(isBad);
  const [first] = failing;
  if (first !== undefined) {
    const words = failing.map(({ pod, message, state }) => `${pod}: ${message ?? state}`);
    return no(first.reason ?? first.state, words.join('; '));
  }
  const current = secondaries.filter(({ state }) => state === 'Current').length;
  const count = `${current} of ${secondaries.length} secondaries serve serial ${serial ?? 'none'}`;
  return current === secondaries.length
    ? yes('AllCurrent', `${count}${unsigned}`)
    : { status: 'Unknown', reason: 'InProgress', message: `${count}${unsigned}` };
}

const flag = (why: string | undefined, reason: string, otherwise: string): Verdict =>
  why === undefined ? no(otherwise, '') : yes(reason, why);

const yes = (reason: string, message: string): Verdict => ({ status: 'True', reason, message });
const no = (reason: string, message: string): Verdict => ({ status: 'False', reason, message });
const pods = (count: number): string => `${count} pod${count === 1 ? '' : 's'}`;
