import { type ConfStatement, readStatements } from '../dns/conf-statements.ts';

/** What in a part of named's configuration decides which files it is made of, in the order of the text. */
export type ConfStep =
  /** A file, or a pattern for several (BIND 9.18). */
  | { readonly kind: 'include'; readonly pattern: string }
  /** Paths further on are relative to this folder. */
  | { readonly kind: 'directory'; readonly path: string };

/** Reads as much as can be read: of a text that is cut short what comes before the cut. */
export const confSteps = (text: string): ConfStep[] =>
  readStatements(text).statements.flatMap(stepsOf);

function stepsOf({ words, block = [] }: ConfStatement): ConfStep[] {
  const [keyword = '', value] = words;
  if (value !== undefined && words.length === 2)
    switch (keyword.toLowerCase()) {
      case 'include':
        return [{ kind: 'include', pattern: value }];
      // named changes into it as soon as it has read this.
      case 'directory':
        return [{ kind: 'directory', path: value }];
    }
  return block.flatMap(stepsOf);
}

/**
 * One part of a path as a pattern, as in glob(3): `*`, `?`, `[…]`, a backslash before what stands for itself, and no hidden
 * names unless it begins with a dot. Undefined where it is a name.
 */
export function globPart(part: string): RegExp | undefined {
  if (!/[*?[]/.test(part)) return undefined;
  const source = part.replace(
    /\\([\s\S])|\[(!?)([^\]]+)\]|[\s\S]/g,
    (piece, escaped?: string, not?: string, set?: string) => {
      if (escaped !== undefined) return literal(escaped);
      if (set !== undefined) return `[${not === '!' ? '^' : ''}${set.replace(/[\\^]/g, '\\$&')}]`;
      if (piece === '*') return '.*';
      return piece === '?' ? '.' : literal(piece);
    },
  );
  try {
    return new RegExp(`^${part.startsWith('.') ? '' : '(?!\\.)'}${source}$`, 's');
  } catch {
    return undefined;
  }
}

const literal = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
