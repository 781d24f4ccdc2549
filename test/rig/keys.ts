import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Writes a new TSIG key as named.conf has it, in a file that only its owner reads; returns the path. */
export function writeKey(folder: string, name: string): string {
  const file = join(folder, `${name}.key`);
  const secret = randomBytes(32).toString('base64');
  const text = `key "${name}" {\n  algorithm hmac-sha256;\n  secret "${secret}";\n};\n`;
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}
