/** Text that can stand for a domain name: nothing that would end a word or a record. `dns/name.ts` reads it closely. */
export const namePattern = '^[^\\x00-\\x20\\x7f"(){};]+$';

/** The name of a zone also stands in commands and in configurations: letters, digits and little else. */
export const zoneNamePattern = '^[^\\x00-\\x20\\x7f"\'(){};#$!,|&<>*@]+$';

/** Names of keys, policies and `tls` blocks: they end up in named.conf, so nothing there needs quoting. */
export const keyNamePattern = '^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\\.?$';

/** BIND's `dnssec-policy` names, as Bindy accepts them. */
export const policyPattern = '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$';

/** Record data ends at the line's end: a control character would start another record. */
export const oneLinePattern = '^[^\\x00-\\x08\\x0a-\\x1f\\x7f]*$';

export const alphanumericPattern = '^[A-Za-z0-9]+$';
export const configMapKeyPattern = '^[-._a-zA-Z0-9]+$';
export const recordTypePattern = '^[A-Za-z][A-Za-z0-9-]*$';

/** What each pattern wants, in words. */
export const patternWords: ReadonlyMap<string, string> = new Map([
  [namePattern, 'a domain name'],
  [zoneNamePattern, 'the name of a zone'],
  [keyNamePattern, "a key's name (letters, digits, - _ and .)"],
  [policyPattern, "a policy's name (letters, digits, - and _)"],
  [oneLinePattern, 'one line of text'],
  [alphanumericPattern, 'letters and digits'],
  [configMapKeyPattern, 'a key (letters, digits, - _ and .)'],
  [recordTypePattern, 'a record type'],
]);
