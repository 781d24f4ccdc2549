/**
 * The known word that was probably meant by `written`: the same but for case, or for a slip or two of the finger where
 * the word is long enough to bear them.
 */
export function probablyMeant(written: string, known: readonly string[]): string | undefined {
  const lower = written.toLowerCase();
  let best: { word: string; slips: number } | undefined;
  for (const word of known) {
    const slips = distance(lower, word.toLowerCase());
    if (slips <= bearable(word) && (best === undefined || slips < best.slips))
      best = { word, slips };
  }
  return best?.word;
}

const bearable = (word: string): number => (word.length < 4 ? 0 : word.length < 7 ? 1 : 2);

/** Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other; 3 means 3 or more. */
function distance(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > 2) return 3;
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const line = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      line.push(
        Math.min(
          at(above, column) + 1,
          at(line, column - 1) + 1,
          at(above, column - 1) + (same ? 0 : 1),
          swapped ? at(before, column - 2) + 1 : 3,
        ),
      );
    }
    before = above;
    above = line;
  }
  return Math.min(3, at(above, to.length));
}

const at = (line: readonly number[], column: number): number => line[column] ?? 3;
