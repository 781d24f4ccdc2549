import { quoted } from './character-string.ts';
import { ipv4FromWire, ipv6FromWire } from './ip-wire.ts';
import { compressible, type Field, layoutOf } from './rdata-layout.ts';
import { Garbled, nameToWire, type WireReader } from './wire.ts';

/** Rdata in presentation form, canonical: absolute lower-case names, quoted strings. The reader ends with the rdata. */
export function readRdata(reader: WireReader, type: string, recordClass: string): string {
  const layout = layoutOf(type, recordClass);
  const old = compressible[type];
  const text =
    layout !== undefined
      ? layout.map((field) => readField(reader, field)).join(' ')
      : generic(old === undefined ? reader.take(reader.left) : writtenOut(reader, old));
  if (reader.left > 0)
    throw new Garbled(`${reader.left} octets too many in the rdata of a ${type}`);
  return text;
}

function readField(reader: WireReader, field: Field): string {
  switch (field) {
    case 'u8':
      return String(reader.u8());
    case 'u16':
      return String(reader.u16());
    case 'u32':
      return String(reader.u32());
    case 'ipv4':
      return ipv4FromWire(reader.take(4));
    case 'ipv6':
      return ipv6FromWire(reader.take(16));
    case 'name':
      return reader.name();
    case 'string':
      return quoted(reader.characterString());
    case 'strings':
      return readStrings(reader);
    case 'tag':
      return readTag(reader);
    case 'rest':
      return quoted(reader.take(reader.left));
  }
}

function readStrings(reader: WireReader): string {
  const strings: string[] = [];
  do strings.push(quoted(reader.characterString()));
  while (reader.left > 0);
  return strings.join(' ');
}

function readTag(reader: WireReader): string {
  const tag = reader.characterString().toString('latin1');
  if (!/^[a-z0-9]+$/i.test(tag)) throw new Garbled('a CAA tag that is not of letters and digits');
  return tag;
}

function writtenOut(reader: WireReader, fields: readonly Field[]): Buffer {
  return Buffer.concat(
    fields.map((field) => {
      if (field === 'name') return nameToWire(reader.name());
      const start = reader.position;
      readField(reader, field);
      return reader.bytes.subarray(start, reader.position);
    }),
  );
}

const generic = (octets: Buffer): string =>
  octets.length === 0 ? '\\# 0' : `\\# ${octets.length} ${octets.toString('hex').toUpperCase()}`;
