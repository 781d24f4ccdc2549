import { isDeepStrictEqual } from 'node:util';
import {
  type Document,
  isMap,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  type ToStringOptions,
} from 'yaml';
import type { Problem } from '../problem.ts';
import { splitDocuments } from '../resources/yaml-documents.ts';
import { keysOf, type Operation } from './json-patch.ts';
import type { InjectSettings } from './settings.ts';
import { linesOf } from './unified-diff.ts';
import { injectDocument, type Outcome, patched } from './workload.ts';

export interface InjectedStream {
  /** The stream with what was injected; documents without it are as they were, byte for byte. */
  readonly text: string;
  readonly outcomes: readonly Outcome[];
  /** What cannot be read, by its place in the stream. */
  readonly problems: readonly Problem[];
}

/** Injects the workloads of a stream of YAML or JSON documents. Comments and what else is in it stay. */
export function injectStream(stream: string, settings: InjectSettings): InjectedStream {
  const pieces = splitDocuments(stream).map((piece) => ({
    ...injectPiece(piece.text, piece.line, settings),
    marked: piece.text.startsWith('---'),
  }));
  const text = pieces.reduce((before, piece, index) => {
    const marker = index === 0 || piece.marked ? '' : '---\n';
    const end = index === 0 || before === '' || before.endsWith('\n') ? '' : '\n';
    return `${before}${end}${marker}${piece.text}`;
  }, '');
  return {
    text,
    outcomes: pieces.flatMap(({ outcomes }) => outcomes),
    problems: pieces.flatMap(({ problems }) => problems),
  };
}

/** As kubectl reads it, but a time stays the text that it is. */
const asKubectl = {
  version: '1.1',
  merge: true,
  prettyErrors: false,
  logLevel: 'error',
  customTags: (tags: readonly unknown[]) =>
    tags.filter(
      (tag) =>
        !(
          typeof tag === 'object' &&
          tag !== null &&
          'tag' in tag &&
          tag.tag === 'tag:yaml.org,2002:timestamp'
        ),
    ),
} as const;

function injectPiece(text: string, line: number, settings: InjectSettings): InjectedStream {
  const json = text.trimStart().startsWith('{') ? readJson(text) : undefined;
  if (json !== undefined) return injectJson(text, json, settings);
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...asKubectl, lineCounter: lines } as Parameters<
    typeof parseAllDocuments
  >[1]);
  if ('empty' in documents) return { text, outcomes: [], problems: [] };
  const problems = documents.flatMap(({ errors }) =>
    errors.slice(0, 1).map(({ pos, message }) => {
      const { line: below, col } = lines.linePos(pos[0]);
      const got = message.split('\n', 1).join('');
      return {
        path: '',
        problem: `want YAML, got in line ${line + below - 1}, column ${col}: ${got}`,
      };
    }),
  );
  if (problems.length > 0) return { text, outcomes: [], problems };
  const done = documents.map((document) => {
    const value: unknown = document.toJS({ maxAliasCount: 1000 });
    const injected = injectDocument(value, settings);
    return { ...injected, document, after: patched(value, injected.patch) };
  });
  const outcomes = done.flatMap((each) => each.outcomes);
  if (done.every(({ patch }) => patch.length === 0)) return { text, outcomes, problems: [] };
  const format = formatOf(text);
  const texts = done.map(({ document, patch, after }) =>
    edited(document, patch, after).toString(format),
  );
  return { text: asWritten(text, texts.join('')), outcomes, problems: [] };
}

/** The writer knows nothing of room within lines: a line that differs in nothing else stays as its author wrote it. */
function asWritten(before: string, after: string): string {
  const lines = linesOf(before);
  const exact = new Set(lines);
  const own = new Map(lines.map((line) => [withoutRoom(line), line]));
  return linesOf(after)
    .map((line) => (exact.has(line) ? line : (own.get(withoutRoom(line)) ?? line)))
    .join('');
}

/** All but how deep the line stands. */
const withoutRoom = (line: string): string => line.replace(/(?<=\S)\s+/g, '');

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function injectJson(text: string, value: unknown, settings: InjectSettings): InjectedStream {
  const { patch, outcomes } = injectDocument(value, settings);
  const indent = /\n( +)/.exec(text)?.[1] ?? (text.trim().includes('\n') ? '' : undefined);
  const after = `${JSON.stringify(patched(value, patch), undefined, indent ?? 0)}\n`;
  return { text: patch.length === 0 ? text : after, outcomes, problems: [] };
}

/** How the author writes: how deep, lists in line with their key or not, room within braces. */
function formatOf(text: string): ToStringOptions {
  const list = /^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n\1( *)- /m.exec(text);
  const deep = /^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n\1( +)[^\s#-]/m.exec(text)?.[2]?.length;
  return {
    lineWidth: 0,
    indent: deep === undefined || deep < 1 ? 2 : deep,
    indentSeq: list === null || list[2] !== '',
    flowCollectionPadding: !/\{[^\s{}]/.test(text),
  };
}

/**
 * The document with the patch applied to its nodes, so that comments stay where they are. One whose parts stand for each
 * other (anchors, merges) may come out otherwise; it is then written anew, without its comments.
 */
function edited(
  document: Document.Parsed<ParsedNode>,
  patch: readonly Operation[],
  after: unknown,
): Document {
  try {
    for (const operation of patch) edit(document, operation);
    if (isDeepStrictEqual(document.toJS({ maxAliasCount: 1000 }), after)) return document;
  } catch {
    // An alias in the way.
  }
  const anew = document.clone() as unknown as Document;
  anew.contents = anew.createNode(after, { aliasDuplicateObjects: false });
  return anew;
}

function edit(document: Document.Parsed<ParsedNode>, operation: Operation): void {
  const path = keysOf(operation.path);
  const key = path.pop() ?? '';
  const parent = path.reduce<unknown>(
    (at, step) =>
      isSeq(at) ? at.get(Number(step), true) : isMap(at) ? at.get(step, true) : undefined,
    document.contents,
  );
  const node =
    operation.op === 'remove'
      ? undefined
      : document.createNode(operation.value, { aliasDuplicateObjects: false });
  if (isMap(parent)) {
    if (operation.op === 'remove') parent.delete(key);
    else parent.set(key, node);
  } else if (isSeq(parent)) {
    if (operation.op === 'remove') parent.items.splice(Number(key), 1);
    else parent.items.splice(Number(key), operation.op === 'add' ? 0 : 1, node);
  } else throw new Error(`nothing to change at ${operation.path}`);
}
