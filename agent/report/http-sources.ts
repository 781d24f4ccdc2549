import type { DomainName } from '../dns/name.ts';
import type { NamedStatus } from '../plan/named-status.ts';
import type { Peer } from '../plan/registration.ts';
import type { Problem } from '../problem.ts';
import type { Feed } from './feed.ts';
import type { ZoneCopy } from './zone-copy.ts';

/** A yes or a no; a no always says why, in sentences that a user can act on. */
export interface Verdict {
  readonly ok: boolean;
  readonly reasons: readonly string[];
  /** What changes nothing in it, and should be known. */
  readonly notes?: readonly string[];
}

export type NamedState =
  | { readonly up: true; readonly status: NamedStatus }
  | { readonly up: false; readonly error: string };

/** One zone as this pod serves it. */
export interface ZoneView extends ZoneCopy {
  /** Seconds for which a newer serial has been known and not served; 0 when current. */
  readonly lagSeconds?: number;
  /** The primaries that a secondary takes it from, `address` or `address port`. */
  readonly primaries?: readonly string[];
  /** The pod that writes the zone's status. */
  readonly speaker?: string;
  readonly problems?: readonly Problem[];
}

/** One peer as seen from here, and whether its feed answers. */
export interface PeerView extends Peer {
  readonly feed: 'answering' | 'silent' | 'not-asked';
  readonly feedProblem?: string;
}

/** What the agent would do, or is about to do. */
export interface PlanView {
  readonly actions: readonly {
    readonly kind: string;
    readonly zone?: string;
    /** What it does and why, as a sentence. */
    readonly text: string;
  }[];
  readonly held?: { readonly hash: string; readonly why: string };
}

/** How a command to named went. */
export type CommandOutcome =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly error: string };

export const zoneCommands = ['retransfer', 'reload', 'notify'] as const;
export type ZoneCommand = (typeof zoneCommands)[number];

/** Everything that the HTTP interface tells; each function gives the state of the moment, cheaply. */
export interface HttpSources {
  live(): Verdict;
  ready(): Verdict;
  started(): Verdict;
  /** Asks named; never rejects. */
  named(): Promise<NamedState>;
  zones(): readonly ZoneView[];
  zone(name: DomainName): ZoneView | undefined;
  peers(): readonly PeerView[];
  plan(): PlanView;
  /** Why zones and peers may be behind what is true; undefined: they are not. */
  stale(): string | undefined;
  readonly feed: Feed;
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Tells named to do it; never rejects. Only for zones that `zone` knows. */
  command(zone: DomainName, command: ZoneCommand): Promise<CommandOutcome>;
  /** This pod is about to go; never rejects. */
  drain(): Promise<CommandOutcome>;
  /** Lets the held plan of this hash be carried out; without a hash, whatever is held now. */
  approve(hash: string | undefined): CommandOutcome;
}
