import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import type { Logger } from '../log.ts';
import { type Action, zoneOf } from '../plan/action.ts';
import type { Endpoint } from '../plan/topology.ts';
import type { ContentLoader } from './content-loader.ts';
import type { Ledger } from './ledger.ts';
import type { ZoneCommander } from './zone-commands.ts';
import type { ZoneFiles } from './zone-files.ts';

/** The doors through which actions on zones are carried out. */
export interface ZoneActionDeps {
  readonly command: ZoneCommander;
  readonly reconfig: () => Promise<unknown>;
  /**
   * Has named work from another new-zone database, with exactly these stanzas (`zone "…" { … };` lines): one stall, however
   * many zones change. Returns why it did not come to that: then named has what it had.
   *
   * @param added zones that named is not to have yet: where it does, somebody else gave them to it
   */
  readonly replaceStanzas: (
    stanzas: string,
    added: ReadonlySet<DomainName>,
  ) => Promise<string | undefined>;
  /** Has named look at the zones' primaries soon; not waited for. */
  readonly refresh: (zones: readonly Refreshed[]) => void;
  readonly ledger: Ledger;
  readonly files: ZoneFiles;
  readonly loader: ContentLoader;
  readonly clock: Clock;
  readonly log: Logger;
  /** Why named has not loaded a zone since then, if its log says so. */
  readonly loadProblem: (zone: DomainName, since: number) => string | undefined;
  /** named turned out to have a zone that this agent did not give it. */
  readonly onForeign: (zone: DomainName) => void;
}

/** A zone that has other primaries than before, and the first of them. */
export interface Refreshed {
  readonly zone: DomainName;
  readonly primary: Endpoint | undefined;
}

/** Why an action on a zone failed. The other actions were carried out. */
export interface Failure {
  readonly zone: DomainName;
  readonly why: string;
}

export type AddAction = Extract<Action, { kind: 'add' }>;
export type ModifyAction = Extract<Action, { kind: 'modify' }>;
export type DropAction = Extract<Action, { kind: 'drop' }>;

export const failAll = (actions: readonly Action[], why: string): Failure[] =>
  actions.map((action) => ({ zone: zoneOf(action), why }));
