import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Role } from '../../agent/plan/registration.ts';
import type { Place, Places } from './addresses.ts';
import type { Bind } from './bind-versions.ts';
import { type Child, type Exit, type Program, startChild, tail } from './child.ts';
import type { Admitted, Home } from './home.ts';
import type { Ledger } from './ledger.ts';
import { claimPort } from './ports.ts';
import { until } from './until.ts';

export interface PodSpec {
  readonly name: string;
  /** Undefined: its Bind9Instance tells, if anything does. */
  readonly role?: Role | undefined;
  /** Undefined: its Bind9Instance tells. */
  readonly cluster?: string | undefined;
  readonly instance: string;
  /** The cluster that it is part of. */
  readonly home: Home;
  /** This pod's own: its logs, and `disk/` with everything that a volume would hold. */
  readonly folder: string;
  readonly clusterKey?: string | undefined;
  readonly agent: Program;
  readonly bind: Bind;
  /** More options of the agent by their path (`guard.zones`), over those that the rig sets. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  /** Whether a dead named is started again, as the kubelet would; default yes. */
  readonly restartsNamed?: boolean | undefined;
}

/** What the rig's machine gives to its pods. */
export interface Host {
  readonly ledger: Ledger;
  readonly places: Places;
}

/** One agent and one named that live and die together; the rig is their kubelet. */
export class Pod {
  readonly spec: PodSpec;
  #bind: Bind;
  readonly #host: Host;
  #place: Place | undefined;
  #ports:
    | { readonly http: number; readonly control: number; readonly statistics: number }
    | undefined;
  #admitted: Admitted | undefined;
  #agent: Child | undefined;
  #named: Child | undefined;
  /** Aborted from the moment when the pod is to be down: nothing of this life is restarted any more. */
  #life = new AbortController();
  #namedStarts = 0;

  constructor(spec: PodSpec, host: Host) {
    this.spec = spec;
    this.#bind = spec.bind;
    this.#host = host;
  }

  get name(): string {
    return this.spec.name;
  }

  /** Where it was last started, or is to be started. Throws before the first start. */
  get place(): Place {
    if (this.#place === undefined) throw new Error(`${this.name} was never started`);
    return this.#place;
  }

  /** `http://127.64.3.5:12345`, without a slash at the end. */
  get url(): string {
    return `http://${this.place.address}:${this.#ports?.http}`;
  }

  get statisticsUrl(): string {
    return `http://${this.place.address}:${this.#ports?.statistics}`;
  }

  get uid(): string {
    return this.#admission.uid;
  }

  get agent(): Child | undefined {
    return this.#agent;
  }

  get named(): Child | undefined {
    return this.#named;
  }

  /** How often named was started in this pod's life, moves included. */
  get namedStarts(): number {
    return this.#namedStarts;
  }

  path(part: 'config' | 'zones' | 'nzd' | 'state'): string {
    return join(this.spec.folder, 'disk', part);
  }

  /** `start`: named's log before it has read its configuration. */
  get logs(): { readonly agent: string; readonly named: string; readonly start: string } {
    return {
      agent: join(this.spec.folder, 'agent.log'),
      named: join(this.spec.folder, 'named.log'),
      start: join(this.spec.folder, 'named-start.log'),
    };
  }

  /** Starts the agent, and named as soon as the agent lets it; resolves when named was started. */
  async start(): Promise<void> {
    await this.settle();
    this.#life = new AbortController();
    const life = this.#life.signal;
    this.startAgent();
    await this.#untilHealthy('/startupz', 75_000);
    this.#runNamed(life);
  }

  /** Gives the pod its place and folders without starting anything. */
  async settle(): Promise<void> {
    this.#place ??= await this.#host.places.take();
    this.#ports ??= {
      http: await claimPort(),
      control: await claimPort(),
      statistics: await claimPort(),
    };
    const parts = (['config', 'zones', 'nzd', 'state'] as const).map((part) => this.path(part));
    await Promise.all(parts.map((part) => mkdir(part, { recursive: true })));
    const { name, folder, home } = this.spec;
    this.#admitted ??= await home.admit({ name, folder, address: this.place.address });
  }

  /** The agent's part alone; named is left as it is. */
  startAgent(): void {
    if (this.#agent?.running() === true) throw new Error(`${this.name}: its agent is running`);
    const log = { log: this.logs.agent, ledger: this.#host.ledger };
    this.#agent = startChild(this.command('run'), log);
  }

  /** Starts a named that was left down: at first, or after a death in a pod that does not restart it. */
  startNamed(): void {
    if (this.#named?.running() === true) throw new Error(`${this.name}: its named is running`);
    this.#runNamed(this.#life.signal);
  }

  /** The agent's program with a command of its own and this pod's options. */
  command(...words: readonly string[]): Program {
    const { file, args } = this.spec.agent;
    return { file, args: [...args, ...words, ...flags(this.options())] };
  }

  /** What the agent is told, by option path. */
  options(): Record<string, string> {
    const { name, role, cluster, instance, clusterKey, settings } = this.spec;
    const bind = this.#bind;
    const { address, dnsPort } = this.place;
    return {
      ...this.#admission.settings,
      'pod.name': name,
      'pod.uid': this.uid,
      'pod.ips': address,
      ...(role === undefined ? {} : { 'pod.role': role }),
      ...(cluster === undefined ? {} : { 'pod.clusterName': cluster }),
      'pod.instance': instance,
      'dns.port': String(dnsPort),
      'dns.listenOn': address,
      'http.address': address,
      'http.port': String(this.#ports?.http),
      'named.controlAddress': address,
      'named.controlPort': String(this.#ports?.control),
      'named.statisticsPort': String(this.#ports?.statistics),
      ...(bind.tools === '' ? {} : { 'named.tools': bind.tools }),
      'paths.config': this.path('config'),
      'paths.zones': this.path('zones'),
      'paths.newZones': this.path('nzd'),
      'paths.state': this.path('state'),
      ...(clusterKey === undefined ? {} : { 'keys.cluster': clusterKey }),
      ...settings,
    };
  }

  /** Waits until `/readyz` says 200. */
  async ready(withinMs = 30_000): Promise<void> {
    await this.#untilHealthy('/readyz', withinMs);
  }

  /** The status of one of the agent's HTTP paths; undefined while it does not answer. */
  async status(path: string): Promise<number | undefined> {
    return (await this.get(path))?.status;
  }

  /** One of the agent's HTTP paths; undefined while it does not answer. */
  async get(path: string): Promise<{ readonly status: number; readonly body: string } | undefined> {
    try {
      const response = await fetch(this.url + path, { signal: AbortSignal.timeout(5000) });
      return { status: response.status, body: await response.text() };
    } catch {
      return undefined;
    }
  }

  /** As the kubelet ends a pod with a native sidecar: named first, then the agent. Returns the agent's exit. */
  async stop(): Promise<Exit | undefined> {
    this.#life.abort();
    await this.#named?.stop('SIGTERM');
    return this.#agent?.stop('SIGTERM');
  }

  /** As a node that loses power. */
  async kill(): Promise<void> {
    this.#life.abort();
    await Promise.all([this.#named?.stop('SIGKILL'), this.#agent?.stop('SIGKILL')]);
  }

  /** kill -9 of the agent alone; it stays away until `startAgent()`. */
  async killAgent(): Promise<void> {
    await this.#agent?.stop('SIGKILL');
  }

  /** kill -9 of named alone; it comes back by itself unless the pod was told not to restart it. */
  async killNamed(): Promise<void> {
    await this.#named?.stop('SIGKILL');
  }

  /**
   * The stopped pod gets another address and uid under the same name, its disk is kept or wiped, and its BIND may be
   * another. `start()` is up to the caller.
   */
  async move({
    wiped = false,
    bind = this.#bind,
  }: {
    readonly wiped?: boolean;
    readonly bind?: Bind;
  } = {}): Promise<void> {
    if (this.#agent?.running() === true || this.#named?.running() === true) {
      throw new Error(`${this.name} must be stopped before it is moved`);
    }
    const old = this.#place;
    this.#bind = bind;
    this.#place = await this.#host.places.take();
    if (old !== undefined) this.#host.places.giveBack(old);
    this.#admitted = undefined;
    await this.spec.home.dismiss(this.name);
    if (wiped) await rm(join(this.spec.folder, 'disk'), { recursive: true, force: true });
    await this.settle();
  }

  get #admission(): Admitted {
    if (this.#admitted === undefined) throw new Error(`${this.name} was never started`);
    return this.#admitted;
  }

  /** The pod is deleted: it ends as the kubelet ends it, unless it has ended already, and nothing of it stays but its logs. */
  async remove(): Promise<void> {
    await this.stop();
    await this.spec.home.dismiss(this.name);
    this.#admitted = undefined;
    if (this.#place !== undefined) this.#host.places.giveBack(this.#place);
    this.#place = undefined;
    await rm(join(this.spec.folder, 'disk'), { recursive: true, force: true });
  }

  /** The ends of both logs, for the error of a test that failed. */
  tails(lines = 15): string {
    const { agent, named, start } = this.logs;
    const dead = this.#named?.running() === true ? '' : `\n--- its start\n${tail(start, 5)}`;
    return `--- ${this.name} agent\n${tail(agent, lines)}\n--- ${this.name} named\n${tail(named, lines)}${dead}`;
  }

  async #untilHealthy(path: string, withinMs: number): Promise<void> {
    const agent = this.#agent;
    const healthy = async (): Promise<boolean> => (await this.status(path)) === 200;
    try {
      await until(async () => agent?.running() !== true || (await healthy()), {
        what: `${this.name} ${path}`,
        withinMs,
        everyMs: 10,
      });
      if (agent?.running() !== true) throw new Error(`${this.name}: its agent has ended`);
    } catch (error) {
      const answer = (await this.get(path))?.body ?? 'no answer';
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`${text}\n${path}: ${answer}\n${this.tails()}`);
    }
  }

  #runNamed(life: AbortSignal): void {
    if (life.aborted) return;
    this.#namedStarts += 1;
    const conf = join(this.path('config'), 'named.conf');
    // What is wrong before the configuration's own logging begins would go to syslog.
    const args = ['-f', '-L', this.logs.start, '-c', conf];
    const program = { file: this.#bind.named, args };
    const named = startChild(program, { log: this.logs.named, ledger: this.#host.ledger });
    this.#named = named;
    void named.exited.then(async () => {
      if (this.spec.restartsNamed === false) return;
      await sleep(100);
      this.#runNamed(life);
    });
  }
}

/** `named.controlPort` → `--named-control-port=…`; what is true needs no value. */
const flags = (options: Readonly<Record<string, string>>): string[] =>
  Object.entries(options).map(([path, value]) => {
    const words = path.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const flag = `--${words.replaceAll('.', '-')}`;
    return value === 'true' ? flag : `${flag}=${value}`;
  });
