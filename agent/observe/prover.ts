import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import type { Candidate } from '../plan/primaries.ts';
import type { SoaProbe } from '../plan/transfer-probe.ts';

/** A primary to be proven, and a zone to ask it for. */
export interface ProofTarget {
  readonly candidate: Candidate;
  /** A zone that the primary should have, canonical. */
  readonly zone: DomainName;
}

export type AskSoa = (target: ProofTarget) => Promise<SoaProbe>;

interface Proof {
  readonly target: ProofTarget;
  proven: boolean;
  failures: number;
  /** So many answers more are asked for before it is believed. */
  doubts: number;
  nextAt: number;
  asking: boolean;
}

/** An unproven primary is asked again this soon at first (it may be just starting), later less often. */
const EAGER_MS = 50;
const PATIENT_MS = 2000;
const EAGER_TRIES = 100;
/** A proven one is watched this closely. */
const WATCH_MS = 2000;
/** One of which there is doubt is asked so often, with this between two questions. */
const DOUBTS = 5;
const DOUBT_MS = 200;
/** So many silences in a row disprove: one lost packet must not move a thousand zones. */
const FAILURES_TO_DISPROVE = 2;

/**
 * Proves primaries on the wire: one that answers with authority for a zone may be transferred from. Keeps asking, so
 * that a dead one is noticed in seconds and a new one at once.
 */
export class Prover {
  readonly #ask: AskSoa;
  readonly #clock: Clock;
  readonly #changed: (proof: string, proven: boolean) => void;
  #proofs = new Map<string, Proof>();
  #proven: ReadonlySet<string> = new Set();
  #wake: (() => void) | undefined;
  /** Until when nothing is due, by the monotonic clock. */
  #idleUntil = 0;

  constructor(ask: AskSoa, changed: (proof: string, proven: boolean) => void, clock: Clock) {
    this.#ask = ask;
    this.#changed = changed;
    this.#clock = clock;
  }

  /** The proofs of those that answered; another set whenever one changed. */
  get proven(): ReadonlySet<string> {
    return this.#proven;
  }

  /** Whom to prove from now on, by proof. */
  watch(targets: ReadonlyMap<string, ProofTarget>): void {
    const proofs = new Map<string, Proof>();
    for (const [proof, target] of targets) {
      const known = this.#proofs.get(proof);
      proofs.set(
        proof,
        known === undefined
          ? { target, proven: false, failures: 0, doubts: 0, nextAt: 0, asking: false }
          : Object.assign(known, { target }),
      );
    }
    const lost = [...this.#proofs.keys()].some((proof) => !proofs.has(proof));
    this.#proofs = proofs;
    if (lost) this.#collect();
    this.#wake?.();
  }

  /** Something else tells that the server at these addresses may be gone, or about to go: it is asked at once. */
  doubt(addresses: readonly string[]): void {
    for (const state of this.#proofs.values())
      if (addresses.includes(state.target.candidate.address))
        Object.assign(state, { nextAt: 0, doubts: DOUBTS });
    this.#wake?.();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = this.#clock.monotonic();
      for (const [proof, state] of this.#proofs)
        if (!state.asking && state.nextAt <= now) void this.#prove(proof, state);
      await this.#pause(signal);
    }
  }

  async #pause(signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic();
    let due = now + PATIENT_MS;
    for (const { asking, nextAt } of this.#proofs.values())
      if (!asking && nextAt < due) due = nextAt;
    const ms = Math.max(5, due - now);
    this.#idleUntil = now + ms;
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    await this.#clock.sleep(ms, AbortSignal.any([signal, woken.signal]));
    this.#wake = undefined;
  }

  async #prove(proof: string, state: Proof): Promise<void> {
    state.asking = true;
    const answer = await this.#ask(state.target);
    state.asking = false;
    if (this.#proofs.get(proof) !== state) return;
    const good = proves(answer, state.target);
    state.failures = good ? 0 : state.failures + 1;
    state.nextAt = this.#clock.monotonic() + pauseAfter(state, good);
    const proven = good || (state.proven && state.failures < FAILURES_TO_DISPROVE);
    // Thousands of zones with servers outside answer one by one: each of them must not have all looked through.
    if (state.nextAt < this.#idleUntil) this.#wake?.();
    if (proven === state.proven) return;
    state.proven = proven;
    this.#collect();
    this.#changed(proof, proven);
  }

  #collect(): void {
    const proven = [...this.#proofs].filter(([, state]) => state.proven).map(([proof]) => proof);
    this.#proven = new Set(proven);
  }
}

/**
 * A server outside must answer for the zone itself. A peer that is asked for a zone it does not have (yet) is there all
 * the same; one that fails or refuses the key is not.
 */
function proves(answer: SoaProbe, { candidate }: ProofTarget): boolean {
  if (answer.kind === 'soa') return answer.authoritative;
  const ofZone = candidate.proof.includes('/');
  return !ofZone && answer.kind === 'rcode' && answer.rcode !== 'SERVFAIL';
}

function pauseAfter(state: Proof, good: boolean): number {
  if (good) {
    state.doubts = Math.max(0, state.doubts - 1);
    return state.doubts > 0 ? DOUBT_MS : WATCH_MS;
  }
  if (state.proven) return EAGER_MS;
  return state.failures < EAGER_TRIES ? EAGER_MS : PATIENT_MS;
}
