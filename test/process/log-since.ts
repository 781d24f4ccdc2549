import { readFileSync } from 'node:fs';

/** What a log has said since this call; each call of the result reads it anew. */
export function logSince(path: string): () => string[] {
  const mark = read(path).length;
  return () => read(path).slice(mark).split('\n');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
