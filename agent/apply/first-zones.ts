import type { DomainName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { Wanted } from '../plan/action.ts';
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

/** What of a zone was made ready; its content by its hash. */
interface Prepared {
  readonly wanted: Wanted;
  readonly serial: Serial | undefined;
  readonly hash: string | undefined;
}

/**
 * The zones for named's first start: their files, and the stanzas as text that named imports into its new-zone database.
 * What was prepared and has not changed is not touched again.
 */
export class FirstZones {
  readonly #deps: Deps;
  readonly #prepared = new Map<DomainName, Prepared>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** A named that is just starting may have read what lay there before: see `confirm`. Throws a FileError. */
  async prepare(adds: readonly AddAction[]): Promise<FirstZonesPrepared> {
    const { ledger } = this.#deps;
    this.#takeBack(new Set(adds.map(({ wanted }) => wanted.zone)));
    const changed = adds.filter(
      (add) => !isSame(this.#prepared.get(add.wanted.zone), preparedOf(add)),
    );
    const written = await writeFirst(changed, async () => false, this.#deps);
    for (const { wanted, target } of written.adds) confirm(wanted, target, this.#deps);
    const entries = written.adds.flatMap(({ wanted }) => ledger.get(wanted.zone) ?? []);
    ledger.put(entries.map((entry) => ({ ...entry, pending: true as const })));
    await ledger.flush();
    for (const add of written.adds) this.#prepared.set(add.wanted.zone, preparedOf(add));
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
    for (const zone of [...this.#prepared.keys()]) {
      if (wanted.has(zone)) continue;
      const entry = ledger.get(zone);
      if (entry !== undefined) ledger.put([{ ...entry, pending: true, dropping: true }]);
      this.#prepared.delete(zone);
    }
  }
}

const preparedOf = ({ wanted, target }: AddAction): Prepared => ({
  wanted,
  serial: target?.serial,
  hash: target?.content.hash,
});

const isSame = (a: Prepared | undefined, b: Prepared): boolean =>
  a?.wanted.stanza === b.wanted.stanza &&
  a.wanted.key === b.wanted.key &&
  a.wanted.uid === b.wanted.uid &&
  a.serial === b.serial &&
  a.hash === b.hash;
