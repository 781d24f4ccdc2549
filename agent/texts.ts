/** Longer ones are hardly ever equal. */
const LONGEST = 200;
const TIME = /^\d{4}-\d\d-\d\dT/;
const MOST = 4096;

/**
 * Keeps equal texts once. Of thousands of zones, objects, logs and peers say the same (a cluster's name, a label, an address,
 * a time), each with a copy of its own.
 */
export class Texts {
  readonly #known = new Map<string, string>();
  /** By themselves: they would drive out the others. */
  readonly #times = new Map<string, string>();
  /** By their JSON. */
  readonly #whole = new Map<string, object>();

  share(text: string): string {
    if (text.length > LONGEST) return detached(text);
    const texts = TIME.test(text) ? this.#times : this.#known;
    const known = texts.get(text);
    if (known !== undefined) return known;
    // What is said once only would otherwise be kept for ever.
    if (texts.size >= MOST) texts.clear();
    const own = detached(text);
    texts.set(own, own);
    return own;
  }

  /** One for all objects that are equal, which nobody changes. */
  shareWhole<T extends object>(value: T): T {
    const text = JSON.stringify(value);
    const known = this.#whole.get(text);
    // Equal text tells equal fields.
    if (known !== undefined) return known as T;
    if (this.#whole.size >= MOST) this.#whole.clear();
    this.#whole.set(text, value);
    return value;
  }

  /** The value, whose texts are shared from now on. It is changed in place: nobody else may have it yet. */
  shareIn<T>(value: T): T {
    if (typeof value === 'string') return this.share(value) as T & string;
    if (typeof value === 'object' && value !== null) {
      const fields = value as Record<string, unknown>;
      for (const [name, field] of Object.entries(fields)) fields[name] = this.shareIn(field);
    }
    return value;
  }
}

/** A copy: a text that was cut out of another, or put together, keeps the others in memory for as long as it is kept itself. */
export const detached = (text: string): string => Buffer.from(text).toString();

/** In one piece: `a + b` and `${a}${b}` only refer to their parts, which are kept beside the whole when that is looked up. */
export const joined = (parts: readonly string[]): string => parts.join('/');
