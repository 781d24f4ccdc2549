import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { zoneCommander } from '../apply/zone-commands.ts';
import { ZoneFiles } from '../apply/zone-files.ts';
import type { Context } from '../context.ts';
import { followLog } from '../observe/follow-log.ts';
import { type FeedPeer, PeerFeeds } from '../observe/peer-feed.ts';
import type { Options } from '../options/options.ts';
import type { PassOutcome } from '../pass/pass.ts';
import { TRANSFER_LOG } from '../plan/named-config.ts';
import type { Peer } from '../plan/registration.ts';
import { isLive } from '../plan/topology.ts';
import { Feed } from '../report/feed.ts';
import { type HttpServer, serveHttp } from '../report/http.ts';
import { TransitionLog } from '../report/transition-log.ts';
import { Agent } from './agent.ts';
import { httpSources, type Whole } from './http-sources.ts';
import { LocalCopies } from './local-copies.ts';
import { type AgentParts, openParts } from './parts.ts';
import { Speaker } from './speaker.ts';

export interface Pod {
  /** Opens the HTTP door. Throws a TransientError where it stays shut; then the pod is to be closed. */
  listen(): Promise<void>;
  /**
   * Works until the signal aborts, and closes everything.
   *
   * @param leaving aborts when the pod goes away: then its registration is taken back
   */
  run(signal: AbortSignal, leaving: AbortSignal): Promise<void>;
  /** Writes what named needs to start, and no more. Returns why named may not start. */
  prepare(signal: AbortSignal): Promise<string | undefined>;
  /** Closes the doors of a pod that was not run. */
  close(): Promise<void>;
}

/** named's statistics are read so often; of 10,000 zones they take a while, and are not to take more than such a part of the time. */
const STATISTICS_MS = 10_000;
const STATISTICS_SHARE = 1 / 30;
const LONGEST_STATISTICS_MS = 60_000;
/** In a pod the agent may have two seconds after SIGTERM: the peers are told first. */
const DEREGISTER_MS = 2000;
const FINISH_MS = 6000;

/** Opens all doors of a pod's agent. Throws a TransientError that says which one stays shut. */
export async function openPod(options: Options, context: Context): Promise<Pod> {
  const parts = await openParts(options, context);
  const files = new ZoneFiles(options.paths.zones, '');
  const command = zoneCommander(parts.rndc);
  const feed = new Feed({ pod: options.pod.name, uid: options.pod.uid, epoch: randomUUID() });
  const speaker = new Speaker({
    parts,
    ownCopy: ({ zone, object }) => {
      const copy = copies.copyOf(zone);
      return copy?.object === object.key ? copy : undefined;
    },
    tells: (pod) => feeds.stateOf(pod).kind === 'answering',
    isSilent: (pod) => feeds.stateOf(pod).kind === 'silent',
    random: context.random,
  });
  const copies: LocalCopies = new LocalCopies({
    wire: parts.wire,
    clock: parts.clock,
    feed,
    journalOf: (zone) => `${files.pathOf(zone)}.jnl`,
    refresh: async (zone) => {
      await command('refresh', zone);
    },
    onAttempt: (_zone, attempt) => parts.metrics.observeTransfer(attempt),
    onChange: (object) => speaker.onCopy(object),
    onOutdated: () => agent.wake(),
  });
  const agent = new Agent(parts, copies, () => afterPass());
  const feeds: PeerFeeds = new PeerFeeds({
    clock: parts.clock,
    random: context.random,
    onPage: (pod, page) => speaker.onPeer(pod, page),
    onSilence: (pod) => {
      speaker.onSilence(pod);
      agent.doubt(pod);
    },
  });
  const whole = { parts, agent, copies, feed, feeds, speaker };
  const transitions = new TransitionLog(parts.log, (event) => parts.cluster.event(event));
  let afterPass = (): void => tellLog(whole, transitions);
  let http: HttpServer | undefined;
  const close = async (): Promise<void> => {
    await shut(parts);
    await Promise.all([http?.close(), feeds.close()]);
  };
  return {
    prepare: async (signal) => {
      const why = await agent.prepare(signal);
      await close();
      return why;
    },
    listen: async () => {
      http = await serveHttp(httpSources(whole), options.http);
    },
    run: async (signal, leaving) => {
      afterPass = () => tellAll(whole, transitions);
      const work = [
        agent.run(signal),
        speaker.run(signal),
        follow(parts, copies, signal),
        copies.watch(signal),
        pollStatistics(parts, agent, signal),
      ];
      const ended = Promise.all(work);
      await Promise.race([ended, aborted(signal)]);
      await finish(parts, ended, leaving);
      await close();
    },
    close,
  };
}

function tellLog({ parts, agent }: Whole, transitions: TransitionLog): void {
  const { outcome } = agent.state;
  const view = parts.cluster.view();
  transitions.tell({
    invalid: view.invalid,
    zones: outcome?.plan.zones,
    held: outcome?.held,
    removalsFrozen: view.removalsFrozen,
    configRefused: refusedOf(outcome),
  });
}

const refusedOf = (outcome: PassOutcome | undefined): string | undefined =>
  outcome?.config.kind === 'refused' ? outcome.config.why : undefined;

/** Passes on what a pass has found to everyone who tells it. */
function tellAll(whole: Whole, transitions: TransitionLog): void {
  const { parts, agent, copies, feeds, speaker } = whole;
  const { outcome } = agent.state;
  const { metrics, cluster } = parts;
  const view = cluster.view();
  const peers = [...view.peers.values()];
  tellLog(whole, transitions);
  metrics.setPeers(peers);
  metrics.setHeld(outcome?.held !== undefined);
  metrics.setProblems(view.invalid.length);
  metrics.setConfigurationRefused(refusedOf(outcome) !== undefined);
  if (outcome !== undefined) {
    copies.track(outcome.plan, view);
    speaker.onPass(outcome, view);
  }
  feeds.follow(peers.filter(isLive).flatMap((peer) => feedPeer(peer, speaker.listens) ?? []));
}

/** Who speaks for no zone follows primaries alone: what it transfers from them depends on their lives. */
function feedPeer({ pod, uid, ips, httpPort, role }: Peer, listens: boolean): FeedPeer | undefined {
  if (!listens && role !== 'primary') return undefined;
  const purpose = listens ? 'copies' : 'life';
  return { pod, uid, address: ips[0] ?? '', port: httpPort, purpose };
}

/** A reload waits for what is under way, however long that takes: two of us must never work at once. */
async function finish(
  parts: AgentParts,
  ended: Promise<unknown>,
  leaving: AbortSignal,
): Promise<void> {
  const { clock } = parts;
  await Promise.race([ended, aborted(leaving)]);
  if (!leaving.aborted) return;
  await Promise.race([deregister(parts), clock.sleep(DEREGISTER_MS)]);
  await Promise.race([ended, clock.sleep(FINISH_MS)]);
}

const deregister = ({ cluster, log }: AgentParts): Promise<void> =>
  cluster.deregister().catch((error: unknown) => {
    log.warn({ err: error }, 'the registration could not be taken back; peers will notice in time');
  });

async function shut({ rndc, cluster, ledger, log }: AgentParts): Promise<void> {
  rndc.close();
  await cluster.stop();
  await ledger.flush().catch((error: unknown) => log.warn({ err: error }, 'the ledger'));
  await ledger.close();
}

/** Everything that named says of transfers, as it says it. */
async function follow(parts: AgentParts, copies: LocalCopies, signal: AbortSignal): Promise<void> {
  const path = join(parts.options.paths.state, TRANSFER_LOG);
  for await (const { lines } of followLog({ path, signal }))
    for (const line of lines) copies.onLine(line);
}

async function pollStatistics(
  { clock, log }: AgentParts,
  agent: Agent,
  signal: AbortSignal,
): Promise<void> {
  let pause = STATISTICS_MS;
  while (!signal.aborted) {
    await clock.sleep(pause, signal);
    pause = STATISTICS_MS;
    if (signal.aborted || agent.named.link.state.kind !== 'up') continue;
    try {
      const startedAt = clock.monotonic();
      await agent.named.look();
      const took = clock.monotonic() - startedAt;
      pause = Math.min(LONGEST_STATISTICS_MS, Math.max(pause, took / STATISTICS_SHARE));
    } catch (error) {
      log.warn({ err: error }, "named's statistics could not be read");
    }
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
