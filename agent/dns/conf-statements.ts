/** One statement of a configuration in named.conf syntax: words, and maybe a block of further statements. */
export interface ConfStatement {
  /** Where it starts, from 1. */
  readonly line: number;
  /** Unquoted, in order; those after a block too. */
  readonly words: readonly string[];
  readonly block?: readonly ConfStatement[];
  /** Words, or a second block, stand between the block and the semicolon. */
  readonly afterBlock: boolean;
}

export interface ConfText {
  readonly statements: readonly ConfStatement[];
  /** The line of a statement, string or comment that never ends, or of a brace without its partner. */
  readonly unfinished?: number;
}

type Token =
  | { readonly kind: 'word'; readonly text: string; readonly line: number }
  | { readonly kind: '{' | '}' | ';' | 'unclosed'; readonly line: number };

/** Takes a text apart as named does: the three kinds of comment, quoted strings, blocks, semicolons. */
export function readStatements(text: string): ConfText {
  const tokens = tokensOf(text)[Symbol.iterator]();
  const { statements, stoppedAt } = readBlock(tokens);
  return stoppedAt === undefined ? { statements } : { statements, unfinished: stoppedAt.line };
}

interface Draft {
  line: number;
  words: string[];
  block?: readonly ConfStatement[];
  afterBlock: boolean;
}

// Far deeper than any real configuration, and far from the end of the stack.
const deepest = 50;

interface Block {
  readonly statements: ConfStatement[];
  /** What ended the block other than the text's end: a closing brace, or the first sign of something unfinished. */
  readonly stoppedAt?: Token;
}

function readBlock(tokens: Iterator<Token>, depth = 0): Block {
  const statements: ConfStatement[] = [];
  let draft: Draft | undefined;
  for (let next = tokens.next(); !next.done; next = tokens.next()) {
    const token = next.value;
    if (token.kind === ';') {
      if (draft !== undefined) statements.push(draft);
      draft = undefined;
    } else if (token.kind === '}' || token.kind === 'unclosed') {
      return stopped(statements, draft, token);
    } else {
      draft ??= { line: token.line, words: [], afterBlock: false };
      const stoppedAt = extend(draft, token, tokens, depth);
      if (stoppedAt !== undefined) return { statements, stoppedAt };
    }
  }
  return stopped(statements, draft);
}

/** A statement that was begun is what is unfinished, whatever came instead of its semicolon. */
function stopped(statements: ConfStatement[], draft: Draft | undefined, at?: Token): Block {
  const stoppedAt = draft === undefined ? at : ({ kind: 'unclosed', line: draft.line } as const);
  return stoppedAt === undefined ? { statements } : { statements, stoppedAt };
}

/** Adds a word or a block to the statement; returns the sign of something unfinished, if there is one. */
function extend(
  draft: Draft,
  token: Token,
  tokens: Iterator<Token>,
  depth: number,
): Token | undefined {
  if (draft.block !== undefined) draft.afterBlock = true;
  if (token.kind === 'word') {
    draft.words.push(token.text);
    return undefined;
  }
  const inner: Block = depth < deepest ? readBlock(tokens, depth + 1) : { statements: [] };
  if (inner.stoppedAt?.kind !== '}') return inner.stoppedAt ?? token;
  draft.block = inner.statements;
  return undefined;
}

const blank = /\s+|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//y;
const quoted = /"((?:[^"\\]|\\[\s\S])*)"/y;
// A comment only starts where a word could: base64 has slashes too.
const word = /[^\s{};"]+/y;

function* tokensOf(text: string): Generator<Token> {
  let at = 0;
  let line = 1;
  const match = (pattern: RegExp): RegExpExecArray | undefined => {
    const sticky = new RegExp(pattern);
    sticky.lastIndex = at;
    return sticky.exec(text) ?? undefined;
  };
  const pass = (piece: string): void => {
    at += piece.length;
    line += piece.split('\n').length - 1;
  };
  while (at < text.length) {
    const skipped = match(blank);
    if (skipped !== undefined) {
      pass(skipped[0]);
      continue;
    }
    const start = line;
    const mark = text.charAt(at);
    if (mark === '{' || mark === '}' || mark === ';') {
      pass(mark);
      yield { kind: mark, line: start };
      continue;
    }
    const found = text.startsWith('/*', at) ? undefined : (match(quoted) ?? match(word));
    if (found === undefined) {
      yield { kind: 'unclosed', line: start };
      return;
    }
    pass(found[0]);
    yield { kind: 'word', text: found[1] ?? found[0], line: start };
  }
}
