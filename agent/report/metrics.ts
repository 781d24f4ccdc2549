import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { Peer } from '../plan/registration.ts';
import type { Attempt } from '../plan/transfer-memory.ts';
import { buildInfo } from './build-info.ts';
import { agentGauges, type Snapshot, type ZoneSample, zoneGauges } from './metric-gauges.ts';
import { transferReasons } from './zone-report.ts';

/** Commands of named that are told apart; the label of any other is `other`. */
const controlCommands: ReadonlySet<string> = new Set([
  'addzone',
  'delzone',
  'freeze',
  'loadkeys',
  'modzone',
  'notify',
  'null',
  'reconfig',
  'refresh',
  'reload',
  'retransfer',
  'showzone',
  'sign',
  'signing',
  'status',
  'stop',
  'sync',
  'thaw',
  'zonestatus',
]);

const PASS_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300];
const COMMAND_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5];
const TRANSFER_SECONDS = [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1200];

const statusWrites = ['written', 'conflict', 'failed'] as const;
/** `conflict`: another pod had written in between. */
export type StatusWrite = (typeof statusWrites)[number];

const eventWrites = ['written', 'refused', 'dropped'] as const;
/** `dropped`: there were too many, or the API server was away for too long. */
export type EventWrite = (typeof eventWrites)[number];

/**
 * What the agent counts and measures, for Prometheus. What is set is only kept; the series of zones and peers are made
 * when somebody scrapes.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #now: () => number;
  #snapshot: Snapshot = {
    zones: [],
    peers: [],
    release: undefined,
    held: false,
    problems: 0,
    refused: false,
    sourceAges: new Map(),
    stale: false,
  };
  readonly #passes: Histogram;
  readonly #commands: Histogram<'command'>;
  readonly #transfers: Counter<'type' | 'result' | 'reason'>;
  readonly #transferSeconds: Histogram<'type'>;
  readonly #statusWrites: Counter<'result'>;
  readonly #events: Counter<'result'>;

  /** @param now milliseconds since the epoch */
  constructor({ version, now }: { readonly version: string; readonly now: () => number }) {
    this.#now = now;
    const registers = [this.#registry];
    buildInfo(this.#registry, version);
    const snapshot = (): Snapshot => this.#snapshot;
    zoneGauges(this.#registry, snapshot, () => this.#now());
    this.#transfers = new Counter({
      name: 'bind9_agent_transfers_total',
      help: 'Zone transfers into this pod that ended, by how; the reason is empty unless the result is failure.',
      labelNames: ['type', 'result', 'reason'],
      registers,
    });
    this.#transferSeconds = new Histogram({
      name: 'bind9_agent_transfer_duration_seconds',
      help: 'How long zone transfers into this pod took, in seconds; only those that brought data.',
      labelNames: ['type'],
      buckets: TRANSFER_SECONDS,
      registers,
    });
    agentGauges(this.#registry, snapshot);
    this.#passes = new Histogram({
      name: 'bind9_agent_pass_duration_seconds',
      help: 'How long it took to plan and to apply what changed, in seconds a pass.',
      buckets: PASS_SECONDS,
      registers,
    });
    this.#commands = new Histogram({
      name: 'bind9_agent_control_command_duration_seconds',
      help: 'How long named took to answer a command on its control channel, in seconds, failures included.',
      labelNames: ['command'],
      buckets: COMMAND_SECONDS,
      registers,
    });
    this.#statusWrites = new Counter({
      name: 'bind9_agent_status_writes_total',
      help: 'Attempts of this pod to write the status of a zone: written, conflict (another pod wrote in between) or failed.',
      labelNames: ['result'],
      registers,
    });
    this.#events = new Counter({
      name: 'bind9_agent_events_total',
      help: 'Writes of Events by this pod: written, refused by the API server, or dropped (too many at once, or it is away).',
      labelNames: ['result'],
      registers,
    });
    this.#startAtZero();
    collectDefaultMetrics({ register: this.#registry });
  }

  observePass(seconds: number): void {
    this.#passes.observe(seconds);
  }

  /** @param command its first word */
  observeControlCommand(command: string, seconds: number): void {
    const label = controlCommands.has(command) ? command : 'other';
    this.#commands.observe({ command: label }, seconds);
  }

  observeTransfer({ method, result, reason, seconds }: Attempt): void {
    const type = method ?? 'unknown';
    this.#transfers.inc({ type, result, reason: reason ?? '' });
    if (result === 'success') this.#transferSeconds.observe({ type }, seconds);
  }

  /** Takes the place of all zones that were set before. */
  setZones(zones: Iterable<ZoneSample>): void {
    this.#set({ zones: [...zones] });
  }

  setPeers(peers: Iterable<Pick<Peer, 'role' | 'liveness'>>): void {
    this.#set({ peers: [...peers] });
  }

  /** @param release as named tells it, `9.18.30`; undefined: it does not answer */
  setNamed(release: string | undefined): void {
    this.#set({ release });
  }

  setHeld(held: boolean): void {
    this.#set({ held });
  }

  /** @param problems the number of objects that are not valid */
  setProblems(problems: number): void {
    this.#set({ problems });
  }

  /** @param sourceAges seconds since each source said that nothing is missing, by its name */
  setSources(sourceAges: ReadonlyMap<string, number>, stale: boolean): void {
    this.#set({ sourceAges, stale });
  }

  setConfigurationRefused(refused: boolean): void {
    this.#set({ refused });
  }

  countStatusWrite(result: StatusWrite): void {
    this.#statusWrites.inc({ result });
  }

  countEvent(result: EventWrite): void {
    this.#events.inc({ result });
  }

  async scrape(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }

  /** Series that can come are there from the start: the growth to 1 of a series that was not there is not seen. */
  #startAtZero(): void {
    for (const type of ['AXFR', 'IXFR', 'unknown']) {
      this.#transfers.inc({ type, result: 'success', reason: '' }, 0);
      this.#transferSeconds.zero({ type });
    }
    this.#transfers.inc({ type: 'unknown', result: 'not-needed', reason: '' }, 0);
    for (const reason of transferReasons)
      this.#transfers.inc({ type: 'unknown', result: 'failure', reason }, 0);
    for (const result of statusWrites) this.#statusWrites.inc({ result }, 0);
    for (const result of eventWrites) this.#events.inc({ result }, 0);
  }

  #set(part: Partial<Snapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...part };
  }
}
