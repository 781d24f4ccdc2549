/** A character-string has one octet for its length (RFC 1035 section 3.3). */
const longestString = 255;

/** Text as the quoted strings of one TXT record: its UTF-8 octets, in as many strings of 255 as it takes. */
export function quotedStrings(text: string): string {
  // Most texts need neither splitting nor escapes.
  if (text.length <= longestString && /^[ !#-[\]-~]*$/.test(text)) return `"${text}"`;
  const octets = Buffer.from(text, 'utf8');
  const strings: string[] = [];
  for (let at = 0; at === 0 || at < octets.length; at += longestString) {
    strings.push(quoted(octets.subarray(at, at + longestString)));
  }
  return strings.join(' ');
}

/**
 * Octets as one quoted string, as BIND prints them: nothing but a quote, a backslash and what is not printable ASCII
 * means anything between quotes, and those are escaped. No octet can end the string or the line.
 */
export function quoted(octets: Buffer): string {
  const text = octets
    .toString('latin1')
    .replace(/[^ !#-[\]-~]/g, (char) =>
      char === '"' || char === '\\'
        ? `\\${char}`
        : `\\${String(char.charCodeAt(0)).padStart(3, '0')}`,
    );
  return `"${text}"`;
}
