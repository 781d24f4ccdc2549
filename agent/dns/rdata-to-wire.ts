import { isIPv4, isIPv6 } from 'node:net';
import { type Parsed, parsed, refused } from '../problem.ts';
import { ipv4ToWire, ipv6ToWire } from './ip-wire.ts';
import { parseName } from './name.ts';
import { type Field, layoutOf } from './rdata-layout.ts';
import { nameToWire, u16, u32 } from './wire.ts';

/** Wire rdata from presentation form on one line: the types above in their own form, any type as `\# length hex`. */
export function rdataToWire(type: string, recordClass: string, rdata: string): Parsed<Buffer> {
  const words = wordsOf(rdata);
  if (words === undefined) return refused('', 'want words and quoted strings, got a lone quote');
  if (words[0]?.quoted === false && words[0].raw === '\\#')
    return genericToWire(words.slice(1).map(({ raw }) => raw));
  const layout = layoutOf(type, recordClass);
  if (layout === undefined) return refused('', `want rdata of type ${type} as \\# length hex`);
  const last = layout.at(-1);
  const groups = layout.map((field, index) =>
    field === 'strings' ? words.slice(index) : words.slice(index, index + 1),
  );
  if (words.length < layout.length || (last !== 'strings' && words.length > layout.length)) {
    return refused('', `want ${layout.length} fields in ${type}, got ${words.length}`);
  }
  const octets: Buffer[] = [];
  for (const [index, field] of layout.entries()) {
    for (const word of groups[index] ?? []) {
      const written = fieldToWire(field, word);
      if (!written.ok) return written;
      octets.push(written.value);
    }
  }
  return parsed(Buffer.concat(octets));
}

function genericToWire([length = '', ...digits]: readonly string[]): Parsed<Buffer> {
  const hex = digits.join('');
  return /^\d+$/.test(length) && /^([0-9a-f]{2})*$/i.test(hex) && Number(length) === hex.length / 2
    ? parsed(Buffer.from(hex, 'hex'))
    : refused('', 'want \\# length hex, with as many octets as the length says');
}

function fieldToWire(field: Field, word: Word): Parsed<Buffer> {
  switch (field) {
    case 'u8':
      return numberToWire(word, 0xff, (number) => Buffer.from([number]));
    case 'u16':
      return numberToWire(word, 0xffff, u16);
    case 'u32':
      return numberToWire(word, 0xffff_ffff, u32);
    case 'ipv4':
      return isIPv4(word.raw)
        ? parsed(ipv4ToWire(word.raw))
        : refused('', `want an IPv4 address, got "${word.raw}"`);
    case 'ipv6':
      return isIPv6(word.raw) && !word.raw.includes('%')
        ? parsed(ipv6ToWire(word.raw))
        : refused('', `want an IPv6 address, got "${word.raw}"`);
    case 'name':
      return nameFieldToWire(word);
    case 'string':
    case 'strings':
      return stringToWire(word);
    case 'tag':
      return /^[a-z0-9]{1,255}$/i.test(word.raw)
        ? stringToWire(word)
        : refused('', `want a tag of letters and digits, got "${word.raw}"`);
    case 'rest':
      return unescaped(word);
  }
}

function numberToWire(
  { raw }: Word,
  highest: number,
  write: (number: number) => Buffer,
): Parsed<Buffer> {
  return /^\d{1,10}$/.test(raw) && Number(raw) <= highest
    ? parsed(write(Number(raw)))
    : refused('', `want 0 to ${highest}, got "${raw}"`);
}

function nameFieldToWire({ raw }: Word): Parsed<Buffer> {
  const name = parseName(raw);
  return name.ok ? parsed(nameToWire(name.value)) : name;
}

function stringToWire(word: Word): Parsed<Buffer> {
  const octets = unescaped(word);
  if (!octets.ok) return octets;
  return octets.value.length <= 255
    ? parsed(Buffer.concat([Buffer.from([octets.value.length]), octets.value]))
    : refused('', `want at most 255 octets in a string, got ${octets.value.length}`);
}

/** One word of a presentation form, without its quotes and with its escapes. */
interface Word {
  readonly raw: string;
  readonly quoted: boolean;
}

const oneWord = /\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.)+))/suy;

function wordsOf(text: string): Word[] | undefined {
  const words: Word[] = [];
  const trimmed = text.trim();
  const scanner = new RegExp(oneWord);
  while (scanner.lastIndex < trimmed.length) {
    const match = scanner.exec(trimmed);
    if (match === null) return undefined;
    words.push({ raw: match[1] ?? match[2] ?? '', quoted: match[1] !== undefined });
  }
  return words;
}

function unescaped({ raw }: Word): Parsed<Buffer> {
  const octets: Buffer[] = [];
  for (const [piece, code, plain] of raw.matchAll(/\\(\d{3}|.)|([^\\]+)/gsu)) {
    if (plain !== undefined) octets.push(Buffer.from(plain));
    else if (code === undefined || code.length < 3) octets.push(Buffer.from(piece.slice(1)));
    else if (Number(code) <= 255) octets.push(Buffer.from([Number(code)]));
    else return refused('', `want \\000 to \\255, got "${piece}"`);
  }
  return parsed(Buffer.concat(octets));
}
