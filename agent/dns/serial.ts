/** A zone's serial, 0 to 2^32-1. It wraps: compare with `isNewer`, never with `<`. */
export type Serial = number;

const modulus = 2 ** 32;
const half = 2 ** 31;

/** Serial arithmetic, RFC 1982 section 3.2. False where the RFC leaves it undefined: at a distance of exactly 2^31. */
export function isNewer(a: Serial, b: Serial): boolean {
  const distance = (a - b + modulus) % modulus;
  return distance !== 0 && distance < half;
}

/** The newest of those given, by RFC 1982; of two at a distance of 2^31 the former. */
export function newest(...serials: readonly (Serial | undefined)[]): Serial | undefined {
  let best: Serial | undefined;
  for (const serial of serials) {
    if (serial === undefined) continue;
    if (best === undefined || isNewer(serial, best)) best = serial;
  }
  return best;
}

/**
 * The serial for changed content: the newest of `prior` + 1, `floor` and `date`; where nothing was served before, of
 * `floor` and `date`, else 1. Never 0, which some servers take for "no serial".
 */
export function nextSerial(known: {
  readonly prior?: Serial | undefined;
  readonly floor?: Serial | undefined;
  readonly date?: Serial | undefined;
}): Serial {
  const { prior, floor, date } = known;
  const after = prior === undefined ? undefined : following(prior);
  return newest(after, floor, date) || 1;
}

const following = (serial: Serial): Serial => (serial + 1) % modulus || 1;

/** The first serial of a day in the style YYYYMMDDnn. `ms`: since the epoch; the day is that of UTC. */
export function dateSerial(ms: number): Serial {
  const date = new Date(ms);
  const day = (date.getUTCFullYear() * 100 + date.getUTCMonth() + 1) * 100 + date.getUTCDate();
  return day * 100;
}
