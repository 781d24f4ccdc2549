import { randomInt } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { TsigKey } from '../dns/tsig-key.ts';
import { zoneContentOf } from '../dns/zone-text.ts';
import {
  type SoaAnswer,
  SoaClient,
  type TransferAnswer,
  type TransferQuery,
  transfer,
} from '../observe/dns-client.ts';
import type { Target } from '../plan/action.ts';
import type { Endpoint, Pod } from '../plan/topology.ts';

const PATIENCE = { timeoutMs: 700, attempts: 2 };
const TRANSFER_MS = 10_000;

/** Questions to named and to other servers, signed with the key that fits. */
export class Wire {
  readonly #clock: Clock;
  readonly #keys: ReadonlyMap<string, TsigKey>;
  readonly #cluster: TsigKey | undefined;
  readonly #here: Endpoint & { readonly tsig: TsigKey };
  readonly #client: SoaClient;

  constructor(
    clock: Clock,
    keys: { readonly byName: ReadonlyMap<string, TsigKey>; readonly cluster: TsigKey | undefined },
    here: Endpoint & { readonly tsig: TsigKey },
  ) {
    this.#clock = clock;
    this.#keys = keys.byName;
    this.#cluster = keys.cluster;
    this.#here = here;
    this.#client = new SoaClient(this.#parts());
  }

  soa(endpoint: Endpoint, zone: DomainName): Promise<SoaAnswer> {
    return this.#client.soa({ ...this.#signed(endpoint), zone, ...PATIENCE });
  }

  /** What our own named answers. */
  soaHere(zone: DomainName): Promise<SoaAnswer> {
    const { address, port, tsig: key } = this.#here;
    return this.#client.soa({ address, port, key, zone, ...PATIENCE });
  }

  async serialHere(zone: DomainName): Promise<Serial | undefined> {
    const answer = await this.soaHere(zone);
    return answer.kind === 'soa' ? answer.serial : undefined;
  }

  /** What a pod answers. */
  soaAt(pod: Pod, zone: DomainName): Promise<SoaAnswer> {
    return this.soa(this.#endpointOf(pod), zone);
  }

  async serialAt(pod: Pod, zone: DomainName): Promise<Serial | undefined> {
    const answer = await this.soaAt(pod, zone);
    return answer.kind === 'soa' ? answer.serial : undefined;
  }

  /** Whether a server would give the zone. */
  wouldTransfer(endpoint: Endpoint, zone: DomainName): Promise<TransferAnswer> {
    const query = { ...this.#signed(endpoint), zone, timeoutMs: PATIENCE.timeoutMs };
    return transfer({ ...query, firstMessageOnly: true }, this.#parts());
  }

  /** A pod's copy of a zone, as it stands. */
  transferFrom(pod: Pod, zone: DomainName): Promise<Target | undefined> {
    return this.#take({ ...this.#signed(this.#endpointOf(pod)), zone, timeoutMs: TRANSFER_MS });
  }

  /** Our own named's copy of a zone, as it stands. */
  transferHere(zone: DomainName): Promise<Target | undefined> {
    const { address, port, tsig: key } = this.#here;
    return this.#take({ address, port, key, zone, timeoutMs: TRANSFER_MS });
  }

  async #take(query: TransferQuery): Promise<Target | undefined> {
    const answer = await transfer(query, this.#parts());
    if (answer.kind !== 'ok') return undefined;
    const { soa, soaTtl, rrsets } = answer;
    return {
      content: zoneContentOf({ zone: query.zone, soa, soaTtl, rrsets }),
      serial: soa.serial,
    };
  }

  #endpointOf(pod: Pod): Endpoint {
    const key = this.#cluster?.name;
    return {
      address: pod.ips[0] ?? '',
      port: pod.dnsPort,
      ...(key === undefined ? {} : { key }),
    };
  }

  #signed({ address, port, key: name }: Endpoint) {
    const key = name === undefined ? undefined : this.#keys.get(name);
    return { address, port, ...(key === undefined ? {} : { key }) };
  }

  #parts() {
    return { clock: this.#clock, randomId: () => randomInt(65_536) };
  }
}
