type Plain = unknown;

/**
 * Block-style YAML of plain data, for people to read; what is undefined is left out. A general YAML writer takes 0.3 ms
 * for a status, this one a twentieth, and a thousand statuses may be written at once.
 */
export function plainYaml(value: Readonly<Record<string, Plain>>): string {
  return `${isFilledMap(value) ? mapLines(value).join('\n') : '{}'}\n`;
}

function mapLines(value: object): string[] {
  return Object.entries(value).flatMap(([name, each]: [string, Plain]) =>
    each === undefined ? [] : entryLines(scalar(name), each),
  );
}

function entryLines(name: string, value: Plain): string[] {
  if (Array.isArray(value) && value.length > 0) {
    return [`${name}:`, ...value.flatMap((item: Plain) => itemLines(item))];
  }
  if (isFilledMap(value)) return [`${name}:`, ...mapLines(value).map((line) => `  ${line}`)];
  return [`${name}: ${scalar(value)}`];
}

function itemLines(item: Plain): string[] {
  if (!isFilledMap(item)) return [`  - ${scalar(item)}`];
  return mapLines(item).map((line, index) => (index === 0 ? `  - ${line}` : `    ${line}`));
}

const isFilledMap = (value: Plain): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).some((each) => each !== undefined);

/** Text that YAML takes for text as it stands, for sure: no indicator, no number, no date, no `true` or `null`. */
const BARE = /^[A-Za-z](?:[A-Za-z0-9._/-]|:(?! )(?=.)| (?=[A-Za-z0-9(]))*$/;
const NOT_TEXT = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

/** Whatever is not surely bare is written as JSON, which YAML 1.2 takes as it stands, on one line. */
function scalar(value: Plain): string {
  if (typeof value === 'string' && BARE.test(value) && !NOT_TEXT.test(value)) return value;
  return JSON.stringify(value);
}
