import { statSync } from 'node:fs';
import type { MustExist } from './declaration.ts';

/** Why a file or folder that an option names cannot be used, or undefined when it is there. */
export function missing(kind: MustExist, path: string): string | undefined {
  const wanted = kind === 'folder' ? 'folder' : 'file';
  try {
    const found = statSync(path);
    const fits = kind === 'folder' ? found.isDirectory() : !found.isDirectory();
    return fits
      ? undefined
      : `want a ${wanted}, got ${wanted === 'file' ? 'a folder' : 'a file'}: ${path}`;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const absent = code === 'ENOENT' || code === 'ENOTDIR';
    return absent ? `${wanted} not found: ${path}` : `cannot be read (${code}): ${path}`;
  }
}
