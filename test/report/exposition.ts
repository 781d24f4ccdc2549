/** One metric as Prometheus reads it: its text format, version 0.0.4. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

interface Sample {
  /** Its name and labels: what tells it from every other. */
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const sampleLine =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (\S+)$/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const suffixes = /_(bucket|sum|count)$/;

/** Throws where a line is no part of the format, or a sample stands under another metric than its own. */
export function readExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, Family>();
  let helped: { name: string; help: string } | undefined;
  let current: Family | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const help = /^# HELP (\S+) (.+)$/.exec(line);
    const type = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line);
    if (help !== null) helped = { name: help[1] ?? '', help: help[2] ?? '' };
    else if (type !== null) {
      const [, name = '', kind = ''] = type;
      if (helped?.name !== name || families.has(name)) throw new Error(`out of place: ${line}`);
      current = { name, type: kind, help: helped.help, samples: [] };
      families.set(name, current);
    } else addSample(current, line);
  }
  return families;
}

function addSample(family: Family | undefined, line: string): void {
  const match = sampleLine.exec(line);
  if (match === null) throw new Error(`not a sample: ${line}`);
  const [, name = '', labelText = '', number = ''] = match;
  const of = family?.type === 'histogram' ? name.replace(suffixes, '') : name;
  if (family === undefined || of !== family.name) throw new Error(`out of place: ${line}`);
  const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
  if (Number.isNaN(value) && number !== 'Nan' && number !== 'NaN')
    throw new Error(`not a number: ${line}`);
  const labels = Object.fromEntries(
    [...labelText.matchAll(label)].map(([, key = '', quoted = '']) => [key, unescaped(quoted)]),
  );
  const sorted = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  family.samples.push({ id: `${name}${JSON.stringify(sorted)}`, name, labels, value });
}

const unescaped = (text: string): string =>
  text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));

/** The value of the first sample of that name with these labels. */
export function valueIn(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(suffixes, ''));
  return family?.samples.find(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )?.value;
}
