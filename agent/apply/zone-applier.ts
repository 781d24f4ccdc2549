import type { Action } from '../plan/action.ts';
import { addZones } from './add-zones.ts';
import { dropZones } from './drop-zones.ts';
import { FirstZones, type FirstZonesPrepared } from './first-zones.ts';
import { loadZones } from './load-zones.ts';
import { modifyZones } from './modify-zones.ts';
import type { Failure, ZoneActionDeps } from './zone-action.ts';

/**
 * Carries out a plan's actions on named. The ledger is told before named is, so that a kill at any instant leaves it
 * knowing at least what may be there; an entry that was not confirmed is done again at the next start.
 */
export class ZoneApplier {
  readonly #deps: ZoneActionDeps;
  readonly #first: FirstZones;

  constructor(deps: ZoneActionDeps) {
    this.#deps = deps;
    this.#first = new FirstZones(deps);
  }

  /**
   * What is confirmed or removed is in the ledger's memory; to flush it is the caller's part.
   *
   * @param signal stops between two zones: rejects with its reason then
   */
  async apply(actions: readonly Action[], signal: AbortSignal): Promise<Failure[]> {
    const adds = actions.filter((each) => each.kind === 'add');
    const modifies = actions.filter((each) => each.kind === 'modify');
    const loads = actions.filter((each) => each.kind === 'load');
    const drops = actions.filter((each) => each.kind === 'drop');
    return [
      ...(await addZones(adds, this.#deps, signal)),
      ...(await modifyZones(modifies, this.#deps, signal)),
      ...(await loadZones(loads, this.#deps, signal)),
      ...(await dropZones(drops, this.#deps, signal)),
    ];
  }

  /**
   * Before named's first start: writes the files, and returns the stanzas as text. A named that is just starting may have
   * read what lay there before: see `confirmPrepared`.
   */
  prepare(actions: readonly Action[]): Promise<FirstZonesPrepared> {
    return this.#first.prepare(actions.filter((each) => each.kind === 'add'));
  }

  /** named has imported nothing yet and the stanzas lie ready: they are what it will have. */
  confirmPrepared(): Promise<void> {
    return this.#first.confirm();
  }
}
