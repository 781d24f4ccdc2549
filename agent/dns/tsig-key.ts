import { createSecretKey, type KeyObject } from 'node:crypto';
import { type Parsed, type Problem, parsed, refused } from '../problem.ts';
import { type ConfStatement, readStatements } from './conf-statements.ts';
import { displayName, parseName } from './name.ts';

const algorithms = [
  'hmac-md5',
  'hmac-sha1',
  'hmac-sha224',
  'hmac-sha256',
  'hmac-sha384',
  'hmac-sha512',
] as const;

export type TsigAlgorithm = (typeof algorithms)[number];

/**
 * A shared secret, RFC 8945. Never logged, never part of a problem's text. As a KeyObject it is ready for HMACs, which with bytes
 * take five times as long.
 */
export interface TsigKey {
  /** Lower case, without a trailing dot. */
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly secret: KeyObject;
}

/**
 * Reads key statements in the syntax of named.conf, as tsig-keygen and rndc-confgen write them; comments may stand
 * anywhere, other statements may not. Paths of problems are `key "name"` or `line n`. No problem quotes anything that
 * might be a secret in the wrong place.
 */
export function parseKeyFile(text: string): Parsed<TsigKey[]> {
  const problems: Problem[] = [];
  const keys = new Map<string, TsigKey>();
  const { statements, unfinished } = readStatements(text);
  for (const statement of statements) {
    const read = keyOf(statement);
    if (!read.ok) {
      problems.push(...read.problems);
    } else if (keys.has(read.value.name)) {
      problems.push({ path: `key "${read.value.name}"`, problem: 'want it once, got it twice' });
    } else {
      keys.set(read.value.name, read.value);
    }
  }
  if (unfinished !== undefined) {
    problems.push({
      path: `line ${unfinished}`,
      problem: 'want the statement closed and ended by ;',
    });
  }
  if (statements.length === 0 && unfinished === undefined) {
    problems.push({ path: '', problem: 'want at least one key "name" { … }; got none' });
  }
  return problems.length === 0 ? parsed([...keys.values()]) : { ok: false, problems };
}

/** The statement for named.conf, with the secret in it. `parseKeyFile` reads it back. */
export function renderKey({ name, algorithm, secret }: TsigKey): string {
  return `key "${name}" {\n\talgorithm ${algorithm};\n\tsecret "${secret.export().toString('base64')}";\n};\n`;
}

function keyOf({ line, words, block, afterBlock }: ConfStatement): Parsed<TsigKey> {
  const [keyword, name, ...others] = words;
  if (keyword?.toLowerCase() !== 'key') {
    return refused(`line ${line}`, 'want key "name" { … }; got another statement');
  }
  if (name === undefined || others.length > 0 || block === undefined || afterBlock) {
    return refused(`line ${line}`, 'want key "name" { algorithm …; secret "…"; };');
  }
  // Names that need an escape are legal, but nobody has them, and here they are most likely a slip.
  const canonical = /^[\w.-]+$/.test(name) ? parseName(name) : undefined;
  if (canonical?.ok !== true) {
    return refused(`line ${line}`, 'want a key name of letters, digits, hyphens and dots');
  }
  return withClauses(displayName(canonical.value), block);
}

function withClauses(name: string, block: readonly ConfStatement[]): Parsed<TsigKey> {
  const { values, problems } = clausesOf(block);
  const algorithm = required('algorithm', values, algorithmOf);
  const secret = required('secret', values, secretOf);
  if (!algorithm.ok) problems.push(...algorithm.problems);
  if (!secret.ok) problems.push(...secret.problems);
  return problems.length === 0 && algorithm.ok && secret.ok
    ? parsed({ name, algorithm: algorithm.value, secret: secret.value })
    : { ok: false, problems: problems.map(({ problem }) => ({ path: `key "${name}"`, problem })) };
}

function clausesOf(block: readonly ConfStatement[]): {
  values: Map<string, string>;
  problems: Problem[];
} {
  const values = new Map<string, string>();
  const problems: Problem[] = [];
  const complain = (problem: string) => problems.push({ path: '', problem });
  for (const { line, words, block: inner } of block) {
    const [clause = '', value, ...others] = words;
    const known = clause.toLowerCase();
    if (known !== 'algorithm' && known !== 'secret') {
      complain(`want algorithm or secret on line ${line}`);
    } else if (value === undefined || others.length > 0 || inner !== undefined) {
      complain(`want one value and ; after ${known} on line ${line}`);
    } else if (values.has(known)) {
      complain(`want ${known} once, got it again on line ${line}`);
    } else {
      values.set(known, value);
    }
  }
  return { values, problems };
}

function required<T>(
  clause: string,
  values: ReadonlyMap<string, string>,
  read: (text: string) => Parsed<T>,
): Parsed<T> {
  const value = values.get(clause);
  return value === undefined ? refused('', `want ${clause}, got none`) : read(value);
}

function algorithmOf(text: string): Parsed<TsigAlgorithm> {
  const lower = text
    .toLowerCase()
    .replace(/\.$/, '')
    .replace(/\.sig-alg\.reg\.int$/, '');
  const algorithm = algorithms.find((known) => known === lower);
  if (algorithm !== undefined) return parsed(algorithm);
  // Base64 has no hyphen, so that what starts like this is no secret in the wrong place.
  const got = /^hmac-[\w.-]{1,40}$/.test(lower) ? ` got ${lower}` : ' got something else';
  return refused('', `want algorithm ${algorithms.join(', ')};${got}`);
}

function secretOf(text: string): Parsed<KeyObject> {
  const digits = text.replace(/\s/g, '');
  const wellFormed = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(
    digits,
  );
  return wellFormed && digits !== ''
    ? parsed(createSecretKey(digits, 'base64'))
    : refused('', 'want a secret in base64, got something else');
}
