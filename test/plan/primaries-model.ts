import type { Clock } from '../../agent/clock.ts';
import { type DomainName, parseName } from '../../agent/dns/name.ts';
import { isNewer, newest, type Serial } from '../../agent/dns/serial.ts';
import { type ZoneContent, zoneContentOf } from '../../agent/dns/zone-text.ts';
import { makeLog } from '../../agent/log.ts';
import type { ClusterView, Written, ZoneStatus } from '../../agent/observe/cluster.ts';
import { Agreements } from '../../agent/pass/agreements.ts';
import type { Target } from '../../agent/plan/action.ts';
import type { PrimaryPlan } from '../../agent/plan/plan-zone.ts';
import type { Allocation } from '../../agent/plan/registration.ts';
import type { ServedZone } from '../../agent/plan/served-zone.ts';
import type { SoaProbe } from '../../agent/plan/transfer-probe.ts';
import { TransientError } from '../../agent/problem.ts';
import { progressOf, registration, zoneObject } from './worlds.ts';

const name = parseName('example.com');
if (!name.ok) throw new Error('unreachable');
export const zone: DomainName = name.value;
const object = zoneObject({ zoneName: 'example.com', clusterRef: 'main' });
const log = makeLog('error', { write: () => undefined });

/** The zone as it is when its one record has this address: few contents, so that old ones come again. */
const contents = new Map<number, ZoneContent>();
export function contentOf(id: number): ZoneContent {
  const known = contents.get(id);
  if (known !== undefined) return known;
  const soa = { mname: zone, rname: zone, refresh: 60, retry: 60, expire: 600, minimum: 60 };
  const rrsets = [{ owner: zone, type: 'A', ttl: 60, rdata: [`192.0.2.${id}`] }];
  const content = zoneContentOf({ zone, soa, soaTtl: 60, rrsets });
  contents.set(id, content);
  return content;
}

/** The resources, the statuses and the time that some primaries and a secondary share. */
export class World {
  now = 0;
  /** What the resources said, version by version, from 1. */
  readonly versions = [1];
  store: { readonly n: number; readonly allocated: Allocation | undefined } = {
    n: 0,
    allocated: undefined,
  };
  readonly allocations: { readonly at: number; readonly allocated: Allocation }[] = [];
  /** What each serial stood for, wherever it was served. */
  readonly meaning = new Map<Serial, string>();
  readonly violations: string[] = [];
  /** The secondary takes whatever is newer. */
  atSecondary: Serial | undefined;
  readonly primaries: Primary[];

  constructor(primaries: number) {
    this.primaries = Array.from({ length: primaries }, (_, i) => new Primary(this, `p${i}`));
  }

  get content(): ZoneContent {
    return contentOf(this.versions.at(-1) ?? 0);
  }

  change(id: number): void {
    this.versions.push(id);
  }

  /** The status store is emptied, and all see that: who loads what he has heard of last cannot know of the loss. */
  loseStatus(): void {
    this.store = { n: this.store.n + 1, allocated: undefined };
    for (const primary of this.primaries) primary.hear();
  }

  swap(by: string, at: number | undefined, allocated: Allocation): boolean {
    const expected = this.store.allocated === undefined ? undefined : this.store.n;
    if (at !== expected) return false;
    const before = this.store.allocated;
    if (before !== undefined && !isNewer(allocated.serial, before.serial))
      this.violations.push(`${by} allocated ${allocated.serial} after ${before.serial}`);
    this.store = { n: this.store.n + 1, allocated };
    this.allocations.push({ at: this.now, allocated });
    return true;
  }

  noteServed(by: string, { content, serial }: Target): void {
    const meant = this.meaning.get(serial);
    if (meant !== undefined && meant !== content.hash)
      this.violations.push(`${by} serves other content under ${serial}`);
    this.meaning.set(serial, content.hash);
    this.atSecondary = newest(this.atSecondary, serial);
  }
}

/** One pod: its agent sees the world with a lag and may be stopped, its named always answers. */
export class Primary {
  readonly pod: string;
  readonly #world: World;
  #agreements: Agreements;
  /** The version of the resources that its watch has seen. */
  #seen = 1;
  #status: World['store'];
  #served: Target | undefined;
  /** What it served once, whatever became of its disk. */
  #newest: Serial | undefined;
  frozen = false;
  /** The answer to the next compare-and-swap is lost, though it is carried out. */
  losesAnswer = false;

  constructor(world: World, pod: string) {
    this.#world = world;
    this.pod = pod;
    this.#status = world.store;
    this.#agreements = this.#newAgreements();
  }

  get served(): Target | undefined {
    return this.#served;
  }

  /** Its watch of the resources catches up, at most to the version `upTo`. */
  see(upTo = Number.POSITIVE_INFINITY): void {
    this.#seen = Math.max(this.#seen, Math.min(upTo, this.#world.versions.length));
  }

  /** Its watch of the statuses catches up. */
  hear(): void {
    this.#status = this.#world.store;
  }

  restart({ wiped = false }: { readonly wiped?: boolean } = {}): void {
    this.#agreements = this.#newAgreements();
    if (wiped) this.#served = undefined;
    this.see();
    this.hear();
  }

  /** For one pass it was not the zone's to serve, e.g. while its text was checked. */
  forget(): void {
    this.#agreements.forget(object.key);
  }

  /** One pass of its agent, in which named does what it is told. */
  async pass(): Promise<void> {
    if (this.frozen) return;
    const plan = this.#plan();
    const progress = progressOf(this.#seen);
    const { statuses } = this.#view();
    const targets = await this.#agreements.targets([plan], this.#ledger(), progress, true);
    const target = targets.get(zone);
    if (target !== undefined) this.#load(target);
    const never = new AbortController().signal;
    await this.#agreements.publish([plan], this.#ledger(), { progress, statuses }, never);
  }

  #load(target: Target): void {
    const before = this.#served;
    const same = before?.serial === target.serial && before.content.hash === target.content.hash;
    if (same) return;
    if (before !== undefined && !isNewer(target.serial, before.serial))
      this.#world.violations.push(`${this.pod} went from ${before.serial} to ${target.serial}`);
    if (this.#newest !== undefined && isNewer(this.#newest, target.serial))
      this.#world.violations.push(`${this.pod} came back older, with ${target.serial}`);
    this.#newest = target.serial;
    this.#served = target;
    this.#world.noteServed(this.pod, target);
  }

  #ledger(): Map<string, ServedZone> {
    const { key } = object;
    const served = this.#served;
    if (served === undefined) return new Map();
    const { serial, content } = served;
    const about = { zone, key, uid: '', role: 'primary', stanza: '', since: '' } as const;
    return new Map([[zone, { ...about, serial, hash: content.hash }]]);
  }

  #plan(): PrimaryPlan {
    const ranked = this.#world.primaries.map(({ pod }) => pod);
    const primaries = ranked.map((pod) => registration(pod, 'primary'));
    return {
      kind: 'primary',
      zone,
      object,
      placement: { primaries, secondaries: [registration('s0', 'secondary')], outside: [] },
      stanza: '',
      problems: [],
      content: contentOf(this.#world.versions[this.#seen - 1] ?? 0),
      floor: undefined,
      ranked,
      notify: [],
      dynamic: false,
      claim: false,
    };
  }

  #newAgreements(): Agreements {
    const world = this.#world;
    const clock: Clock = {
      now: () => world.now,
      monotonic: () => world.now,
      sleep: () => Promise.resolve(),
    };
    return new Agreements({
      cluster: {
        view: () => this.#view(),
        agree: async (_zone, at, { allocated }) => this.#agree(at, allocated),
      },
      self: this.pod,
      clock,
      log,
      styledByDate: false,
      serialHere: async () => this.#served?.serial,
      soaAt: async ({ pod }) => soa(pod === 's0' ? world.atSecondary : this.#at(pod)?.serial),
      transferFrom: async ({ pod }) => this.#at(pod),
      again: () => undefined,
    });
  }

  #at(pod: string): Target | undefined {
    return this.#world.primaries.find((each) => each.pod === pod)?.served;
  }

  #agree(at: string | undefined, allocated: Allocation | undefined): Written {
    if (allocated === undefined) throw new Error('unreachable: no writers here');
    const won = this.#world.swap(this.pod, at === undefined ? undefined : Number(at), allocated);
    if (won && this.losesAnswer) {
      this.losesAnswer = false;
      throw new TransientError('no answer');
    }
    this.hear();
    return won ? { kind: 'written', version: String(this.#status.n) } : { kind: 'conflict' };
  }

  #view(): ClusterView {
    const { n, allocated } = this.#status;
    const statuses = new Map<typeof object.key, ZoneStatus>();
    if (allocated !== undefined) statuses.set(object.key, { version: String(n), allocated });
    return {
      synced: true,
      progress: progressOf(this.#seen),
      zones: new Map(),
      records: new Map(),
      instances: new Map(),
      clusters: new Map(),
      configMaps: new Map(),
      statuses,
      peers: new Map(),
      invalid: [],
    };
  }
}

const soa = (serial: Serial | undefined): SoaProbe =>
  serial === undefined
    ? { kind: 'rcode', rcode: 'REFUSED' }
    : { kind: 'soa', serial, authoritative: true };
