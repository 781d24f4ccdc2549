interface Entry<K> {
  readonly key: K;
  readonly at: number;
}

/** So many void entries are put up with, and as many as there are others. */
const SLACK = 100;

/** When what is due, in ms by any clock. Putting and taking cost the same few steps with ten keys as with thousands. */
export class Schedule<K> {
  readonly #times = new Map<K, number>();
  /** A binary heap, the earliest first. Entries of other times than those above are void. */
  #heap: Entry<K>[] = [];

  /** The earliest of several times for one key counts. */
  put(key: K, at: number): void {
    if ((this.#times.get(key) ?? Number.POSITIVE_INFINITY) <= at) return;
    this.#times.set(key, at);
    if (this.#heap.length > 2 * this.#times.size + SLACK) this.#clean();
    else this.#rise({ key, at });
  }

  delete(key: K): void {
    this.#times.delete(key);
  }

  /** Takes out all that is due at this time, the earliest first. */
  *take(now: number): Generator<K> {
    for (let first = this.#first(); first !== undefined && first.at <= now; first = this.#first()) {
      this.#times.delete(first.key);
      yield first.key;
    }
  }

  /** When the next is due; undefined: nothing is. */
  get next(): number | undefined {
    return this.#first()?.at;
  }

  #first(): Entry<K> | undefined {
    for (let [first] = this.#heap; first !== undefined; [first] = this.#heap) {
      if (this.#times.get(first.key) === first.at) return first;
      this.#sink();
    }
    return undefined;
  }

  /** Anew, without what is void. */
  #clean(): void {
    const entries = Array.from(this.#times, ([key, at]) => ({ key, at }));
    this.#heap = entries.sort((a, b) => a.at - b.at);
  }

  #rise(entry: Entry<K>): void {
    const heap = this.#heap;
    let place = heap.length;
    for (
      let above = parentOf(place);
      place > 0 && at(heap, above) > entry.at;
      above = parentOf(place)
    ) {
      heap[place] = heap[above] as Entry<K>;
      place = above;
    }
    heap[place] = entry;
  }

  /** Takes the first entry out. */
  #sink(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const below = at(heap, left + 1) < at(heap, left) ? left + 1 : left;
      if (at(heap, below) >= last.at) break;
      heap[place] = heap[below] as Entry<K>;
      place = below;
    }
    heap[place] = last;
  }
}

const parentOf = (place: number): number => (place - 1) >> 1;

/** Past the end: later than anything. */
const at = (heap: readonly Entry<unknown>[], place: number): number =>
  heap[place]?.at ?? Number.POSITIVE_INFINITY;
