import { isIP } from 'node:net';
import { type Parsed, parsed, refused } from '../problem.ts';

/**
 * A kind of value that an option can have. `read` takes what a layer gives: the text of a flag or of an environment
 * variable, or a plain value from YAML. Its problem is a sentence part: what was wanted, then what was got.
 */
export interface Kind<T> {
  /** What is wanted, as it stands after "want" and in the reference page. */
  readonly want: string;
  /** True for a value that a bare flag sets, and `--no-…` takes back. */
  readonly bare?: true;
  /** True where a flag may be given several times, each adding to the one before. */
  readonly many?: true;
  read(raw: unknown): Parsed<T>;
  /** As a user would write it in an environment variable. */
  show(value: T): string;
}

const got = (want: string, raw: unknown): Parsed<never> =>
  refused('', `want ${want}, got ${raw === '' ? 'nothing' : JSON.stringify(raw)}`);

const unquoted = (raw: unknown): boolean => typeof raw === 'number' || typeof raw === 'boolean';

/** Any text. YAML numbers are refused and not converted: `1.10` would silently become "1.1". */
const textLike = (want: string, fits: (text: string) => boolean): Kind<string> => ({
  want,
  read: (raw) => {
    if (unquoted(raw)) return refused('', `want ${want}, got ${raw}: put it in quotes`);
    return typeof raw === 'string' && fits(raw) ? parsed(raw) : got(want, raw);
  },
  show: (value) => value,
});

export const text = (want: string): Kind<string> => textLike(want, () => true);

export const someText = (want: string): Kind<string> => textLike(want, (value) => value !== '');

/** A name that is safe as a file's name, too. */
export const objectName = (want: string): Kind<string> =>
  textLike(`${want} of letters, digits, "-", "_" and "."`, (value) =>
    /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i.test(value),
  );

/** As most objects of a cluster are named, Services too. */
export const kubernetesName = (want: string): Kind<string> =>
  textLike(`${want} of at most 63 lower case letters, digits and "-"`, (value) =>
    /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(value),
  );

/** A key of a Secret's data; nothing is one, too. */
export const secretKey: Kind<string> = textLike(
  'secret/key, as in bind9-keys/cluster.key',
  (value) => value === '' || /^[a-z0-9][a-z0-9.-]*\/[A-Za-z0-9._-]+$/.test(value),
);

/** An amount of CPU or memory. */
export const quantity: Kind<string> = textLike('a quantity, as in 50m or 160Mi', (value) =>
  /^\d+(?:\.\d+)?(?:m|[kMGT]|[KMGT]i)?$/.test(value),
);

export const namespaceOrAll: Kind<string> = textLike(
  'namespaces or "*"',
  (value) => value === '*' || /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(value),
);

export const absoluteFolder: Kind<string> = textLike('a folder, as an absolute path', (value) =>
  value.startsWith('/'),
);

export const address: Kind<string> = textLike('an IP address', (value) => isIP(value) !== 0);

export const addressOrAny: Kind<string> = textLike(
  'IP addresses or "any"',
  (value) => value === 'any' || isIP(value) !== 0,
);

/** One of a few words; the empty word is told as "nothing". */
export function choice<const W extends string>(...words: readonly W[]): Kind<W> {
  const told = [
    ...words.filter((word) => word !== ''),
    ...(words.some((w) => w === '') ? ['nothing'] : []),
  ];
  const want = `${told.slice(0, -1).join(', ')} or ${told.at(-1)}`;
  return {
    want,
    read: (raw) => {
      const word = words.find((each) => each === raw);
      return word === undefined ? got(want, raw) : parsed(word);
    },
    show: (value) => value,
  };
}

/** A whole number within bounds, both included. */
export function integer(least: number, most: number): Kind<number> {
  const want = `${least}-${most}`;
  return {
    want,
    read: (raw) => {
      const number = typeof raw === 'string' && /^\d{1,15}$/.test(raw) ? Number(raw) : raw;
      const fits =
        typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most;
      return fits ? parsed(number) : got(want, raw);
    },
    show: String,
  };
}

export const truth: Kind<boolean> = {
  want: 'true or false',
  bare: true,
  read: (raw) => {
    if (raw === true || raw === 'true') return parsed(true);
    if (raw === false || raw === 'false') return parsed(false);
    return got('true or false', raw);
  },
  show: String,
};

const splitList = (raw: string): string[] =>
  raw
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** Several values: a YAML list, or text with commas. The first wrong element is the one that is told. */
export function listOf(want: string, element: Kind<string>): Kind<readonly string[]> {
  return {
    want,
    many: true,
    read: (raw) => {
      const parts: unknown = typeof raw === 'string' ? splitList(raw) : raw;
      if (!Array.isArray(parts)) return got(want, raw);
      const values: string[] = [];
      for (const part of parts as readonly unknown[]) {
        const value = element.read(part);
        if (!value.ok) return value;
        values.push(value.value);
      }
      return parsed(Object.freeze(values));
    },
    show: (value) => value.join(','),
  };
}

/** Labels: a YAML mapping, or `key=value` pairs with commas between. */
export const labels: Kind<Readonly<Record<string, string>>> = {
  want: 'key=value pairs',
  many: true,
  read: (raw) => {
    const pairs = labelPairs(raw);
    if (pairs === undefined) return got('key=value pairs', raw);
    const all: [string, string][] = [];
    for (const [key, value] of pairs) {
      if (unquoted(value)) {
        return refused('', `want text for "${key}", got ${value}: put it in quotes`);
      }
      if (typeof value !== 'string' || key === '') return got('key=value pairs', raw);
      all.push([key, value]);
    }
    return parsed(Object.freeze(Object.fromEntries(all)));
  },
  show: (value) =>
    Object.entries(value)
      .map(([key, each]) => `${key}=${each}`)
      .join(','),
};

function labelPairs(raw: unknown): [string, unknown][] | undefined {
  const written = typeof raw === 'string' ? splitList(raw) : raw;
  if (!Array.isArray(written)) {
    return typeof written === 'object' && written !== null ? Object.entries(written) : undefined;
  }
  return written.map((pair: unknown) => {
    const at = typeof pair === 'string' ? pair.indexOf('=') : -1;
    return typeof pair === 'string' && at > 0
      ? [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
      : ['', undefined];
  });
}
