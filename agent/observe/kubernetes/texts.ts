/** Longer ones are hardly ever equal, and neither are times. */
const LONGEST = 200;
const TIME = /^\d{4}-\d\d-\d\dT/;
const MOST = 4096;

/**
 * Keeps equal texts once. Thousands of objects say the same (the cluster's name, a label, a reason), and each comes from the
 * API with a copy of its own.
 */
export class Texts {
  readonly #known = new Map<string, string>();
  #time = '';

  share(text: string): string {
    if (text.length > LONGEST || TIME.test(text)) return text;
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    // What is said once only would otherwise be kept for ever.
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(text, text);
    return text;
  }

  /** Objects that were made together have the same time. */
  shareTime(time: string): string {
    if (time !== this.#time) this.#time = time;
    return this.#time;
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

/** In one piece: `a + b` and `${a}${b}` only refer to their parts, which are kept beside the whole when that is looked up. */
export const joined = (parts: readonly string[]): string => parts.join('/');
