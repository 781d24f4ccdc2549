import type { DomainName } from '../dns/name.ts';
import type { ObjectKey } from '../resources/types.ts';

/** The DNSZone objects by the name that they give their zone; several may have one name. */
export class ZoneObjects {
  readonly #keys = new Map<DomainName, readonly ObjectKey[]>();
  readonly #names = new Map<ObjectKey, DomainName>();

  /** How many names there are. */
  get size(): number {
    return this.#keys.size;
  }

  of(zone: DomainName): Iterable<ObjectKey> {
    return this.#keys.get(zone) ?? [];
  }

  put(key: ObjectKey, zone: DomainName): void {
    if (this.#names.get(key) === zone) return;
    this.remove(key);
    this.#names.set(key, zone);
    this.#keys.set(zone, (this.#keys.get(zone) ?? []).concat(key));
  }

  remove(key: ObjectKey): void {
    const zone = this.#names.get(key);
    if (zone === undefined) return;
    this.#names.delete(key);
    const keys = this.#keys.get(zone)?.filter((each) => each !== key) ?? [];
    if (keys.length === 0) this.#keys.delete(zone);
    else this.#keys.set(zone, keys);
  }
}
