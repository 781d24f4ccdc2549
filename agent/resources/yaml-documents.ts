import { type Document, isScalar, LineCounter, type ParsedNode, parseAllDocuments } from 'yaml';
import type { Problem } from '../problem.ts';

/** A piece of a YAML stream between two `---`, which can be read without the others. */
export interface Piece {
  readonly text: string;
  /** The line that it starts on, from 1. */
  readonly line: number;
}

/** What one document holds. `value`: of an unreadable one, as much as could be made out. */
export interface YamlDocument {
  readonly value: unknown;
  readonly line: number;
  readonly problems: readonly Problem[];
}

/**
 * The pieces of a stream. A `---` at the start of a line always starts a document, whatever stands before it, even in
 * quotes (YAML 1.2.2 section 9.1.2): one document's mistake ends with it. Directives (`%YAML`) stand before the `---`
 * that they belong to, so a stream that may have some is left in one piece.
 */
export function splitDocuments(stream: string): readonly Piece[] {
  if (/^%/m.test(stream)) return [{ text: stream, line: 1 }];
  const pieces: Piece[] = [];
  let start = 0;
  let line = 1;
  const add = (end: number): void => {
    pieces.push({ text: stream.slice(start, end), line });
  };
  // A marker that stands alone says nothing more, and belongs to no piece: so pieces may change places.
  for (const { index, 0: marker } of stream.matchAll(
    /(?<=\n|^)---(?:[ \t]*\r?\n|(?=[ \t\r\n]|$))/g,
  )) {
    add(index);
    line += linesIn(stream.slice(start, index)) + linesIn(marker);
    start = index + (marker.endsWith('\n') ? marker.length : 0);
  }
  add(stream.length);
  return pieces;
}

const linesIn = (text: string): number => text.split('\n').length - 1;

/** How often a document may repeat what an anchor marks, all in all: beyond that it is a bomb, not a manifest. */
const maxAliasCount = 1000;
/** A mistake makes the parser stumble over what follows: the first few problems tell what is wrong. */
const maxProblems = 3;

/** The documents of one piece: usually one, none where there are only comments. Never throws. */
export function readDocuments({ text, line }: Piece): readonly YamlDocument[] {
  const lines = new LineCounter();
  const place = (offset: number): Place => {
    const { line: below, col: column } = lines.linePos(offset);
    return { line: line + below - 1, column };
  };
  try {
    const documents = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      stringKeys: true,
      // As kubectl: `<<` merges, and `!!timestamp` or `!!binary` mean nothing.
      merge: true,
      resolveKnownTags: false,
      logLevel: 'error',
    });
    if ('empty' in documents) return [];
    return documents
      .filter(({ contents, errors }) => !isEmpty(contents) || errors.length > 0)
      .map((document) => readDocument(document, place, text.includes('&')));
  } catch (error) {
    return [{ value: undefined, line, problems: [unreadable({ line, column: 1 }, error)] }];
  }
}

interface Place {
  readonly line: number;
  readonly column: number;
}

const isEmpty = (contents: ParsedNode | null): boolean =>
  contents === null || (isScalar(contents) && contents.value === null && contents.source === '');

function readDocument(
  document: Document.Parsed,
  place: (offset: number) => Place,
  mayRepeat: boolean,
): YamlDocument {
  const start = place(document.contents?.range[0] ?? document.range[0]);
  const problems = document.errors
    .slice(0, maxProblems)
    .map((error) => unreadable(place(error.pos[0]), error));
  try {
    const value: unknown = document.toJS({ maxAliasCount });
    // What contains itself can be written in YAML, but not be sent to anybody: this throws.
    if (mayRepeat) JSON.stringify(value);
    return { value, line: start.line, problems };
  } catch (error) {
    return {
      value: undefined,
      line: start.line,
      problems: [...problems, unreadable(start, error)],
    };
  }
}

function unreadable({ line, column }: Place, error: unknown): Problem {
  const message = error instanceof Error ? error.message : String(error);
  const reason = message.split('\n', 1).join('');
  return { path: '', problem: `want YAML, got in line ${line}, column ${column}: ${reason}` };
}
