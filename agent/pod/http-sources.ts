import { zoneCommander } from '../apply/zone-commands.ts';
import { displayName } from '../dns/name.ts';
import type { PeerFeeds } from '../observe/peer-feed.ts';
import { explainAction, zoneOf } from '../plan/action.ts';
import type { ZonePlan } from '../plan/plan-zone.ts';
import { problemsOf } from '../plan/problems.ts';
import type { Peer } from '../plan/registration.ts';
import type { Feed } from '../report/feed.ts';
import type { HttpSources, PeerView, PlanView, ZoneView } from '../report/http-sources.ts';
import type { Agent } from './agent.ts';
import type { LocalCopies } from './local-copies.ts';
import type { AgentParts } from './parts.ts';
import { Readiness } from './readiness.ts';
import type { Speaker } from './speaker.ts';

export interface Whole {
  readonly parts: AgentParts;
  readonly agent: Agent;
  readonly copies: LocalCopies;
  readonly feed: Feed;
  readonly feeds: PeerFeeds;
  readonly speaker: Speaker;
}

/** What the HTTP server tells, read from the running agent at each request. */
export function httpSources(whole: Whole): HttpSources {
  const { parts, agent, feed } = whole;
  const command = zoneCommander(parts.rndc);
  const readiness = new Readiness(whole);
  const plans = () => [...(agent.state.outcome?.plan.zones.values() ?? [])];
  return {
    live: () => ({ ok: true, reasons: [] }),
    ready: () => readiness.verdict(),
    started: () => {
      const why = agent.start.notYet;
      return { ok: why === undefined, reasons: why === undefined ? [] : [why] };
    },
    // As of the last look, two seconds old at most: whoever asks must not hold up the commands that heal.
    named: async () => {
      const { state } = agent.named.link;
      return state.kind === 'up'
        ? { up: true, status: state.status }
        : { up: false, error: state.why };
    },
    zones: () => plans().flatMap((plan) => zoneView(plan, whole) ?? []),
    zone: (name) =>
      plans()
        .filter(({ zone }) => zone === name)
        .flatMap((plan) => zoneView(plan, whole) ?? [])[0],
    peers: () => [...parts.cluster.view().peers.values()].map((peer) => peerView(peer, whole)),
    plan: () => planView(agent),
    stale: () => parts.cluster.view().stale,
    feed,
    metrics: () => {
      parts.metrics.setZones(whole.copies.samples());
      parts.metrics.setSources(parts.cluster.ages(), parts.cluster.view().stale !== undefined);
      return parts.metrics.scrape();
    },
    command: async (zone, what) => {
      try {
        const answer = await command(what, zone);
        if (answer.ok) return { ok: true, text: answer.text };
        return { ok: false, error: answer.error ?? answer.text };
      } catch (error) {
        return { ok: false, error: error instanceof Error ? error.message : String(error) };
      }
    },
    drain: async () => {
      const failure = await agent.drain();
      const told =
        failure === undefined ? 'the peers are told' : `the peers will be told: ${failure.message}`;
      return { ok: true, text: `this pod is about to go; ${told}` };
    },
    approve: (hash) => {
      const held = agent.state.outcome?.held;
      if (held === undefined) return { ok: false, error: 'nothing is held' };
      if (hash !== undefined && hash !== held.hash)
        return { ok: false, error: `what is held now is ${held.hash}, not ${hash}` };
      agent.approve(held.hash);
      return { ok: true, text: `approved ${held.hash}: it ${held.why}` };
    },
  };
}

function zoneView(plan: ZonePlan, { parts, copies, speaker }: Whole): ZoneView | undefined {
  const copy = copies.copyOf(plan.zone);
  if (copy === undefined || copy.object !== plan.object.key) return undefined;
  const told = problemsOf(plan).map((problem) => ({ path: '', problem }));
  const speaks = speaker.speakerOf(plan);
  const { seq: _, ...seen } = copy;
  const behind = copy.behindSince === undefined ? undefined : Date.parse(copy.behindSince);
  return {
    ...seen,
    lagSeconds: behind === undefined ? 0 : Math.max(0, (parts.clock.now() - behind) / 1000),
    ...(plan.kind === 'secondary'
      ? { primaries: plan.primaries.map(({ address, port }) => `${address} port ${port}`) }
      : {}),
    ...(speaks === undefined ? {} : { speaker: speaks }),
    ...(told.length === 0 ? {} : { problems: told }),
  };
}

function peerView(peer: Peer, { feeds }: Whole): PeerView {
  const feed = feeds.stateOf(peer.pod);
  return {
    ...peer,
    feed: feed.kind,
    ...(feed.kind === 'silent' ? { feedProblem: feed.why } : {}),
  };
}

function planView({ state }: Agent): PlanView {
  const { actions = [], held, failures = new Map() } = state.outcome ?? {};
  return {
    actions: actions
      .filter((action) => failures.has(zoneOf(action)) || state.trouble !== undefined)
      .map((action) => ({
        kind: action.kind,
        zone: displayName(zoneOf(action)),
        text: explainAction(action),
      })),
    ...(held === undefined ? {} : { held: { hash: held.hash, why: held.why } }),
  };
}
