import { createHash } from 'node:crypto';

/** Leaves room for an ending within the 255 bytes that a file's name may have. */
const LONGEST = 200;
const HASH_DIGITS = 32;

/**
 * A file name for any text; different texts have different names, also where upper and lower case are the same. Names of
 * objects and pods stay as they are. What is unsafe becomes `%` and two hex digits for each byte; what gets too long is
 * cut and ends in `~` and a hash.
 */
export const safeName = (text: string): string => shorten(escapeText(text));

/**
 * The same for an object: `default.example-com` for `default/example-com`. A namespace has no dots; were there one, it is
 * escaped, so that the first dot is always the one in between.
 */
export const safeObjectName = (namespace: string, name: string): string =>
  shorten(`${escapeText(namespace).replaceAll('.', '%2e')}.${escapeText(name)}`);

function escapeText(text: string): string {
  if (text === '') return '%';
  return text.replace(/[^a-z0-9._-]/gu, escapeCharacter).replace(/^\./, escapeCharacter);
}

const escapeCharacter = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');

function shorten(name: string): string {
  if (name.length <= LONGEST) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_DIGITS);
  return `${name.slice(0, LONGEST - HASH_DIGITS - 1)}~${hash}`;
}
