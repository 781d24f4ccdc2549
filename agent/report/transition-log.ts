import { lastOnly } from '../last-only.ts';
import type { Logger } from '../log.ts';
import type { ClusterEvent, ClusterView } from '../observe/cluster.ts';
import type { Held } from '../plan/guard.ts';
import type { Plan } from '../plan/planner.ts';
import { type Wrong, wrongObjects, wrongZones } from '../plan/problems.ts';

/** What an operator has to know of, for as long as it lasts. */
export interface Standing {
  readonly invalid: ClusterView['invalid'];
  /** What is planned for the zones, once that is known. */
  readonly zones: Plan['zones'] | undefined;
  readonly held: Held | undefined;
  /** Why what is missing from the resources is not taken for deleted. */
  readonly removalsFrozen: string | undefined;
  /** Why named's configuration is not the one that is wanted. */
  readonly configRefused: string | undefined;
}

const NO_ZONES: Plan['zones'] = new Map();
/** Of a plan that drops everything, the log need not hold every zone. */
const MOST_ACTIONS = 10;

/**
 * Tells in the log what came and what went, once each, however often it is looked at; and in events of the pod, but for
 * what is wrong with zones: of those, the pod that speaks for them tells.
 */
export class TransitionLog {
  readonly #log: Logger;
  readonly #event: (event: ClusterEvent) => void;
  /** Looks at all zones when one of them has changed. */
  readonly #wrongZones = lastOnly(wrongZones);
  #wrong: ReadonlyMap<string, Wrong> = new Map();
  #held: string | undefined;
  #frozen: string | undefined;
  #refused: string | undefined;

  constructor(log: Logger, event: (event: ClusterEvent) => void) {
    this.#log = log;
    this.#event = event;
  }

  tell({ invalid, zones, held, removalsFrozen, configRefused }: Standing): void {
    this.#tellWrong([...wrongObjects(invalid), ...this.#wrongZones(zones ?? NO_ZONES)]);
    this.#tellHeld(held);
    this.#tellFrozen(removalsFrozen);
    this.#tellRefused(configRefused);
  }

  #tellWrong(wrong: readonly Wrong[]): void {
    const now = new Map(wrong.map((each) => [`${each.object}\0${each.problem}`, each]));
    for (const [id, { object, problem }] of now) {
      if (this.#wrong.has(id)) continue;
      this.#log.warn({ object, reason: problem }, `${object} is wrong`);
      if (!isZone(object)) this.#warn('ObjectWrong', 'Read', `${object}: ${problem}`);
    }
    for (const [id, { object, problem }] of this.#wrong) {
      if (now.has(id)) continue;
      this.#log.info({ object, reason: problem }, `${object} was put right`);
      if (!isZone(object)) this.#note('ObjectRight', 'Read', `${object} was put right: ${problem}`);
    }
    this.#wrong = now;
  }

  #tellHeld(held: Held | undefined): void {
    if (held?.hash === this.#held) return;
    if (held === undefined) {
      this.#log.info({ hash: this.#held }, 'nothing is held any more');
      this.#note('HeldNoMore', 'Guard', 'nothing is held any more');
    } else {
      const { hash, why } = held;
      const more = held.actions.length - MOST_ACTIONS;
      const actions = held.actions.slice(0, MOST_ACTIONS);
      if (more > 0) actions.push(`and ${more} more`);
      this.#log.warn({ hash, reason: `it ${why}`, actions }, 'held until it is approved');
      this.#warn('Held', 'Guard', `a plan is held until ${hash} is approved: it ${why}`);
    }
    this.#held = held?.hash;
  }

  /** When it begins and when it ends: in between, the sentence changes with each source that comes or goes. */
  #tellFrozen(why: string | undefined): void {
    const told = this.#frozen;
    this.#frozen = why;
    if ((why === undefined) === (told === undefined)) return;
    if (why === undefined) {
      this.#log.info('what is missing counts as deleted again');
      this.#note('RemovalsResumed', 'Read', 'what is missing counts as deleted again');
    } else {
      this.#log.warn({ reason: why }, 'what is missing does not count as deleted for now');
      this.#warn('RemovalsFrozen', 'Read', `what is missing does not count as deleted: ${why}`);
    }
  }

  #tellRefused(why: string | undefined): void {
    if (why === this.#refused) return;
    if (why === undefined) {
      this.#log.info("named's configuration is as wanted again");
      this.#note('ConfigurationTaken', 'Configure', "named's configuration is as wanted again");
    } else {
      this.#log.error({ reason: why }, "named's configuration stays as it was");
      this.#warn('ConfigurationRefused', 'Configure', `the configuration stays as it was: ${why}`);
    }
    this.#refused = why;
  }

  #warn(reason: string, action: string, note: string): void {
    this.#event({ about: { kind: 'Pod' }, type: 'Warning', reason, action, note });
  }

  #note(reason: string, action: string, note: string): void {
    this.#event({ about: { kind: 'Pod' }, type: 'Normal', reason, action, note });
  }
}

const isZone = (object: string): boolean => object.startsWith('DNSZone ');
