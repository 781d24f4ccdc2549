import type { Problem } from '../problem.ts';

/**
 * Reads users' zone text as far as it must be read before named-compilezone may see it: the lines that directives
 * stand on. Quotes, parentheses, comments and escapes are told apart as BIND does (RFC 1035 section 5.1); what BIND
 * would have to guess at is refused, so that both always see the same lines.
 */

/** Text of one record or directive, which parentheses may spread over several lines. */
interface Entry {
  /** The line it starts on, from 1. */
  readonly line: number;
  /** Its words, quotes taken off. Only the first few: a directive has no more. */
  readonly words: readonly string[];
}

type Scanned = { readonly entries: readonly Entry[]; readonly problem?: Problem };

const mostWords = 3;
/** So many records of `$GENERATE` fill a /12 of addresses; without a bound one line fills the memory. */
const mostGenerated = 1_000_000;

/** The text as BIND reads it everywhere: line ends of one kind, no byte-order mark. */
export const plainLines = (text: string): string =>
  `${text
    .replace(/^\ufeff/, '')
    .replace(/\r\n/g, '\n')
    .replace(/\n$/, '')}\n`;

/** What must not be compiled, each with its line. `text`: as `plainLines` gives it. */
export function checkZoneFile(text: string): Problem[] {
  const { entries, problem } = scan(text);
  const problems: Problem[] = [];
  let generated = 0;
  for (const { line, words } of entries) {
    const directive = words[0]?.toUpperCase();
    if (directive === '$INCLUDE') {
      problems.push({
        path: `line ${line}`,
        problem: 'want the whole zone in one text, got $INCLUDE',
      });
    }
    if (directive === '$GENERATE') generated += generatedBy(words[1] ?? '');
  }
  if (generated > mostGenerated) {
    problems.push({
      path: '$GENERATE',
      problem: `want at most ${mostGenerated} generated records, got ${generated}`,
    });
  }
  return problem === undefined ? problems : [...problems, problem];
}

/** Why text cannot stand as the data of one record on one line; undefined: it can. */
export function whyNotOneRecord(text: string): string | undefined {
  if (text.trim() === '') return 'want record data, got none';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not pass.
  if (/[\0-\x08\x0a-\x1f\x7f]/.test(text)) return 'want one line, got a control character';
  const { problem, comments } = new Scan(text).all();
  if (problem !== undefined) return problem.problem;
  return comments ? 'want quotes or a backslash at ";", got a comment' : undefined;
}

const scan = (text: string): Scanned => new Scan(text).all();

function generatedBy(range: string): number {
  const [, first, last, step] = /^(\d+)-(\d+)(?:\/(\d+))?$/.exec(range) ?? [];
  if (first === undefined || last === undefined) return 0;
  return Math.max(
    0,
    Math.floor((Number(last) - Number(first)) / Math.max(1, Number(step ?? 1))) + 1,
  );
}

class Scan {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #depth = 0;
  #comments = false;
  #entries: Entry[] = [];
  #start = 1;
  #words: string[] = [];
  #problem: Problem | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  all(): Scanned & { readonly comments: boolean } {
    while (this.#at < this.#text.length && this.#problem === undefined) this.#step();
    if (this.#problem === undefined && this.#depth > 0) this.#refuse('want ")" before the end');
    this.#endEntry();
    return {
      entries: this.#entries,
      comments: this.#comments,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  #step(): void {
    const char = this.#text.charAt(this.#at);
    switch (char) {
      case '\n':
        this.#line += 1;
        if (this.#depth === 0) this.#endEntry();
        break;
      case ' ':
      case '\t':
        break;
      case ';':
        this.#comment();
        return;
      case '(':
        this.#depth += 1;
        break;
      case ')':
        this.#depth -= 1;
        if (this.#depth < 0) this.#refuse('want "(" before ")"');
        break;
      case '"':
        this.#quoted();
        return;
      default:
        this.#word();
        return;
    }
    this.#at += 1;
  }

  #comment(): void {
    this.#comments = true;
    const end = this.#text.indexOf('\n', this.#at);
    const comment = this.#text.slice(this.#at, end === -1 ? undefined : end);
    if (controls.test(comment)) this.#refuse(wantNoControls);
    this.#at += comment.length;
  }

  #quoted(): void {
    const string = this.#match(quotedString);
    if (string === undefined) {
      this.#refuse('want a closing quote on the same line');
      return;
    }
    this.#take(string, string.slice(1, -1));
  }

  #word(): void {
    const word = this.#match(bareWord);
    if (word === undefined) {
      this.#refuse(
        this.#text.charAt(this.#at) === '\\' ? 'want no \\ at the end of a line' : wantNoControls,
      );
      return;
    }
    this.#take(word, word);
  }

  #match(pattern: RegExp): string | undefined {
    const here = new RegExp(pattern, 'y');
    here.lastIndex = this.#at;
    return here.exec(this.#text)?.[0];
  }

  #take(written: string, word: string): void {
    if (this.#words.length === 0) this.#start = this.#line;
    if (this.#words.length < mostWords) this.#words.push(word);
    this.#at += written.length;
  }

  #endEntry(): void {
    if (this.#words.length > 0) this.#entries.push({ line: this.#start, words: this.#words });
    this.#words = [];
  }

  #refuse(problem: string): void {
    this.#problem ??= { path: `line ${this.#line}`, problem };
  }
}

const wantNoControls = 'want no control characters but tabs and line ends';
// biome-ignore-start lint/suspicious/noControlCharactersInRegex: they are what must not pass.
const controls = /[\0-\x08\x0b-\x1f\x7f]/;
const quotedString = /"(?:[^"\\\0-\x08\x0a-\x1f\x7f]|\\[^\0-\x08\x0a-\x1f\x7f])*"/;
const bareWord = /(?:[^ "();\\\0-\x1f\x7f]|\\[^\0-\x1f\x7f])+/;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: they are what must not pass.
