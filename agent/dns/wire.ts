import type { DomainName } from './name.ts';

/** Thrown by `WireReader` at the first octet that makes no sense; `decodeMessage` turns it into a problem. */
export class Garbled extends Error {
  override readonly name = 'Garbled';
}

// A name of 255 octets has at most 127 labels, so that no honest name needs more pointers than that.
const mostPointers = 127;
const longestName = 255;

/** Reads a message from front to back; names may point back into what was read before (RFC 1035 section 4.1.4). */
export class WireReader {
  readonly bytes: Buffer;
  position: number;
  end: number;

  constructor(bytes: Buffer, position = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  get left(): number {
    return this.end - this.position;
  }

  u8(): number {
    return this.bytes.readUInt8(this.step(1));
  }

  u16(): number {
    return this.bytes.readUInt16BE(this.step(2));
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.step(4));
  }

  u48(): number {
    return this.bytes.readUIntBE(this.step(6), 6);
  }

  /** A view, not a copy. */
  take(length: number): Buffer {
    const start = this.step(length);
    return this.bytes.subarray(start, start + length);
  }

  /** A character-string, RFC 1035 section 3.3: one octet of length and as many octets. */
  characterString(): Buffer {
    return this.take(this.u8());
  }

  /** A name in canonical text; compressed or not. */
  name(): DomainName {
    const found: Found = { labels: [], length: 1, pointers: 0 };
    this.position = readLabels(this.bytes, this.position, this.end, found);
    return (found.labels.length === 0 ? '.' : `${found.labels.join('.')}.`) as DomainName;
  }

  private step(length: number): number {
    const start = this.position;
    if (start + length > this.end) throw cutShort(start);
    this.position = start + length;
    return start;
  }
}

interface Found {
  readonly labels: string[];
  /** Octets of the whole name on the wire, with the root's. */
  length: number;
  pointers: number;
}

/** Collects the labels from `start` on, and returns where to read on after them. */
function readLabels(bytes: Buffer, start: number, end: number, found: Found): number {
  let at = start;
  for (;;) {
    const octet = octetAt(bytes, at, end);
    at += 1;
    if (octet === 0) return at;
    if (octet >= 0xc0) {
      followPointer(bytes, ((octet & 0x3f) << 8) | octetAt(bytes, at, end), start, found);
      return at + 1;
    }
    if (octet > 63) throw new Garbled(`a label of an unknown kind at octet ${at - 1}`);
    found.length += octet + 1;
    if (found.length > longestName) throw new Garbled(`a name of over ${longestName} octets`);
    if (at + octet > end) throw cutShort(at);
    found.labels.push(labelText(bytes.subarray(at, at + octet)));
    at += octet;
  }
}

// Strictly backwards alone rules out loops; the count rules out endless ladders.
function followPointer(bytes: Buffer, target: number, start: number, found: Found): void {
  if (target >= start) throw new Garbled(`a name at octet ${start} points forwards or to itself`);
  found.pointers += 1;
  if (found.pointers > mostPointers) throw new Garbled(`a name of over ${mostPointers} pointers`);
  readLabels(bytes, target, bytes.length, found);
}

function octetAt(bytes: Buffer, at: number, end: number): number {
  const octet = at < end ? bytes[at] : undefined;
  if (octet === undefined) throw cutShort(at);
  return octet;
}

const cutShort = (at: number): Garbled => new Garbled(`cut short at octet ${at}`);

export function u16(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16BE(number);
  return bytes;
}

export function u32(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

export function u48(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(6);
  bytes.writeUIntBE(number, 0, 6);
  return bytes;
}

/** The name's uncompressed wire form; as names are lower case, the canonical one of RFC 4034 section 6.2. */
export function nameToWire(name: DomainName): Buffer {
  if (name === '.') return Buffer.from([0]);
  const octets: number[] = [];
  let lengthAt = 0;
  octets.push(0);
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    if (code === dot) {
      octets[lengthAt] = octets.length - lengthAt - 1;
      lengthAt = octets.length;
      octets.push(0);
    } else if (code === backslash) {
      const digits = /^\d{3}/.exec(name.slice(at + 1, at + 4))?.[0];
      octets.push(digits === undefined ? name.charCodeAt(at + 1) : Number(digits));
      at += digits === undefined ? 1 : 3;
    } else {
      octets.push(code);
    }
  }
  return Buffer.from(octets);
}

const dot = 0x2e;
const backslash = 0x5c;
const plainLabel = /^[a-z0-9_-]+$/;

function labelText(label: Buffer): string {
  const text = label.toString('latin1').replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return plainLabel.test(text) ? text : text.replace(/[^a-z0-9_-]/g, escaped);
}

// What BIND escapes in the names that it prints.
function escaped(character: string): string {
  const code = character.charCodeAt(0);
  if (code <= 0x20 || code >= 0x7f) return `\\${String(code).padStart(3, '0')}`;
  return '"().;\\@$'.includes(character) ? `\\${character}` : character;
}
