import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import { type Action, zoneOf } from '../plan/action.ts';
import type { Endpoint } from '../plan/topology.ts';
import type { ContentLoader } from './content-loader.ts';
import type { Ledger } from './ledger.ts';
import type { ZoneCommander } from './zone-commands.ts';
import type { ZoneFiles } from './zone-files.ts';

/** The doors through which actions on zones are carried out. */
export interface ZoneActionDeps {
  readonly command: ZoneCommander;
  readonly reconfig: () => Promise<void>;
  /** Has named look at the zone's primary soon; not waited for. */
  readonly refresh: (zone: DomainName, primary: Endpoint | undefined) => void;
  readonly ledger: Ledger;
  readonly files: ZoneFiles;
  readonly loader: ContentLoader;
  readonly clock: Clock;
  /** Why named has not loaded a zone since then, if its log says so. */
  readonly loadProblem: (zone: DomainName, since: number) => string | undefined;
  /** named turned out to have a zone that this agent did not give it. */
  readonly onForeign: (zone: DomainName) => void;
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
