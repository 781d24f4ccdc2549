import type { DomainName } from '../dns/name.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { writeFirst } from './add-zones.ts';
import { stanzaLine } from './first-stanzas.ts';
import type { AddAction, Failure, ZoneActionDeps } from './zone-action.ts';
import { confirm } from './zone-entry.ts';

type Deps = Pick<ZoneActionDeps, 'ledger' | 'files' | 'loader' | 'clock'>;

export interface FirstZonesPrepared {
  /** `zone "…" { … };` lines. */
  readonly stanzas: string;
  readonly failures: readonly Failure[];
}

/**
 * The zones for named's first start: their files, and the stanzas as text that named imports into its new-zone database.
 * What was prepared and has not changed is not touched again.
 */
export class FirstZones {
  readonly #deps: Deps;
  /** Made ready as the ledger has them. */
  readonly #prepared = new Set<DomainName>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** A named that is just starting may have read what lay there before: see `confirm`. Throws a FileError. */
  async prepare(adds: readonly AddAction[]): Promise<FirstZonesPrepared> {
    const { ledger } = this.#deps;
    this.#takeBack(new Set(adds.map(({ wanted }) => wanted.zone)));
    const changed = adds.filter(
      (add) => !this.#prepared.has(add.wanted.zone) || !isAs(ledger.get(add.wanted.zone), add),
    );
    const written = await writeFirst(changed, async () => false, this.#deps);
    for (const { wanted, target } of written.adds) confirm(wanted, target, this.#deps);
    const entries = written.adds.flatMap(({ wanted }) => ledger.get(wanted.zone) ?? []);
    ledger.put(entries.map((entry) => ({ ...entry, pending: true as const })));
    await ledger.flush();
    for (const { wanted } of written.adds) this.#prepared.add(wanted.zone);
    const failed = new Set(written.failures.map(({ zone }) => zone));
    const stanzas = adds
      .filter(({ wanted }) => !failed.has(wanted.zone))
      .map(({ wanted }) => stanzaLine(wanted.zone, wanted.stanza));
    return { stanzas: stanzas.join(''), failures: written.failures };
  }

  /** named has imported nothing yet and the stanzas lie ready: they are what it will have. */
  async confirm(): Promise<void> {
    const { ledger } = this.#deps;
    const pending = [...ledger.entries().values()].filter((entry) => entry.pending === true);
    ledger.put(pending.map(({ pending: _pending, ...entry }) => entry));
    await ledger.flush();
  }

  /** What is not wanted any more is to go, files and all, unless a named that is just starting has it. */
  #takeBack(wanted: ReadonlySet<DomainName>): void {
    const { ledger } = this.#deps;
    for (const zone of this.#prepared) {
      if (wanted.has(zone)) continue;
      const entry = ledger.get(zone);
      if (entry !== undefined) ledger.put([{ ...entry, pending: true, dropping: true }]);
      this.#prepared.delete(zone);
    }
  }
}

const isAs = (entry: ServedZone | undefined, { wanted, target }: AddAction): boolean =>
  entry?.stanza === wanted.stanza &&
  entry.key === wanted.key &&
  entry.uid === wanted.uid &&
  entry.serial === target?.serial &&
  entry.hash === target?.content.hash;
