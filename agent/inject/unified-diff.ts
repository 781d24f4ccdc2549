/** Lines before and after a change that are shown with it. */
const CONTEXT = 3;

interface Line {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
}

/** A unified diff as `diff -u` prints it and `patch` reads it; empty where the texts are the same. */
export function unifiedDiff(name: string, before: string, after: string): string {
  if (before === after) return '';
  const lines = compareDocuments(documentsOf(before), documentsOf(after));
  return `--- ${name}\n+++ ${name}\n${hunksOf(lines)
    .map((each) => showHunk(lines, each))
    .join('')}`;
}

/** Lines with their ends, so that a last one without is another than one with. */
export const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** The documents of a stream, each with the marker that starts it. */
const documentsOf = (text: string): string[] => text.split(/^(?=---\s)/m);

/** One by one, where none came or went: what two texts have to differ in grows faster than they. */
function compareDocuments(before: readonly string[], after: readonly string[]): Line[] {
  if (before.length !== after.length)
    return compare(linesOf(before.join('')), linesOf(after.join('')));
  return before.flatMap((each, index) => compare(linesOf(each), linesOf(after[index] ?? '')));
}

/** More lines than that are shown as one change: to find the shortest way would take too long. */
const MOST_STEPS = 1000;

/** The shortest way from one to the other (Myers, "An O(ND) Difference Algorithm", 1986). */
function compare(before: readonly string[], after: readonly string[]): Line[] {
  const trail: Map<number, number>[] = [];
  const furthest = new Map([[1, 0]]);
  for (let steps = 0; steps <= MOST_STEPS; steps += 1) {
    trail.push(new Map(furthest));
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      let x = startOn(furthest, diagonal, steps);
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal])
        x += 1;
      furthest.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return walkBack(trail, before, after);
    }
  }
  return [
    ...before.map((text): Line => ({ mark: '-', text })),
    ...after.map((text): Line => ({ mark: '+', text })),
  ];
}

/** Where a path on this diagonal starts that has taken one step more: from the one that is further. */
function startOn(furthest: ReadonlyMap<number, number>, diagonal: number, steps: number): number {
  const left = furthest.get(diagonal - 1) ?? -1;
  const above = furthest.get(diagonal + 1) ?? -1;
  const down = diagonal === -steps || (diagonal !== steps && left < above);
  return down ? above : left + 1;
}

function walkBack(
  trail: readonly ReadonlyMap<number, number>[],
  before: readonly string[],
  after: readonly string[],
): Line[] {
  const lines: Line[] = [];
  let x = before.length;
  let y = after.length;
  const same = (until: number): void => {
    while (x > until) {
      x -= 1;
      y -= 1;
      lines.push({ mark: ' ', text: before[x] ?? '' });
    }
  };
  for (const [steps, furthest] of [...trail.entries()].reverse()) {
    const start = startOn(furthest, x - y, steps);
    same(start);
    if (steps === 0) break;
    const left = furthest.get(x - y - 1) ?? -1;
    const above = furthest.get(x - y + 1) ?? -1;
    if (x - y === -steps || (x - y !== steps && left < above)) {
      y -= 1;
      lines.push({ mark: '+', text: after[y] ?? '' });
    } else {
      x -= 1;
      lines.push({ mark: '-', text: before[x] ?? '' });
    }
  }
  return lines.reverse();
}

type Hunk = readonly [from: number, to: number];

function hunksOf(lines: readonly Line[]): Hunk[] {
  const hunks: [number, number][] = [];
  for (const [index, { mark }] of lines.entries()) {
    if (mark === ' ') continue;
    const last = hunks.at(-1);
    const from = Math.max(0, index - CONTEXT);
    const to = Math.min(lines.length, index + 1 + CONTEXT);
    if (last !== undefined && from <= last[1]) last[1] = to;
    else hunks.push([from, to]);
  }
  return hunks;
}

function showHunk(lines: readonly Line[], [from, to]: Hunk): string {
  const count = (part: readonly Line[], other: Line['mark']): number =>
    part.filter(({ mark }) => mark !== other).length;
  const inside = lines.slice(from, to);
  const range = (other: Line['mark']): string => {
    const size = count(inside, other);
    const start = count(lines.slice(0, from), other) + (size === 0 ? 0 : 1);
    return size === 1 ? String(start) : `${start},${size}`;
  };
  const shown = inside.map(({ mark, text }) =>
    text.endsWith('\n') ? `${mark}${text}` : `${mark}${text}\n\\ No newline at end of file\n`,
  );
  return `@@ -${range('+')} +${range('-')} @@\n${shown.join('')}`;
}
