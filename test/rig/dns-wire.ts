/** One record of an answer; `data` in presentation form for the types that the rig asks for, hexadecimal for others. */
export interface AnswerRecord {
  readonly owner: string;
  readonly type: number;
  readonly ttl: number;
  readonly data: string;
}

export interface Answer {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly records: readonly AnswerRecord[];
}

export const rrTypes = { A: 1, NS: 2, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28 } as const;
export type QueryType = keyof typeof rrTypes;

/** A plain query as RFC 1035 section 4.1 has it, recursion not desired. Names without escapes only. */
export function encodeQuery(id: number, name: string, type: QueryType): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  const query = Buffer.alloc(12 + labels.reduce((sum, label) => sum + label.length + 1, 1) + 4);
  query.writeUInt16BE(id, 0);
  query.writeUInt16BE(1, 4);
  let at = 12;
  for (const label of labels) {
    query.writeUInt8(label.length, at);
    query.write(label, at + 1, 'latin1');
    at += label.length + 1;
  }
  query.writeUInt16BE(rrTypes[type], at + 1);
  query.writeUInt16BE(1, at + 3);
  return query;
}

/** Reads the header and the answer section; throws RangeError on a message that is cut short. */
export function decodeAnswer(message: Buffer): Answer {
  const flags = message.readUInt16BE(2);
  let at = 12;
  for (let question = message.readUInt16BE(4); question > 0; question -= 1) {
    at = readName(message, at).next + 4;
  }
  const records: AnswerRecord[] = [];
  for (let answer = message.readUInt16BE(6); answer > 0; answer -= 1) {
    const { name: owner, next } = readName(message, at);
    const type = message.readUInt16BE(next);
    const end = next + 10 + message.readUInt16BE(next + 8);
    const data = readData(message, type, next + 10, end);
    records.push({ owner, type, ttl: message.readUInt32BE(next + 4), data });
    at = end;
  }
  return {
    rcode: flags & 0xf,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    records,
  };
}

function readData(message: Buffer, type: number, start: number, end: number): string {
  switch (type) {
    case rrTypes.A:
      return [...message.subarray(start, end)].join('.');
    case rrTypes.NS:
    case rrTypes.CNAME:
      return readName(message, start).name;
    case rrTypes.SOA: {
      const mname = readName(message, start);
      const rname = readName(message, mname.next);
      const numbers = [0, 4, 8, 12, 16].map((step) => message.readUInt32BE(rname.next + step));
      return [mname.name, rname.name, ...numbers].join(' ');
    }
    case rrTypes.TXT:
      return readStrings(message.subarray(start, end));
    default:
      return message.toString('hex', start, end);
  }
}

function readStrings(data: Buffer): string {
  const strings: string[] = [];
  for (let at = 0; at < data.length; at += (data[at] ?? 0) + 1) {
    strings.push(data.toString('latin1', at + 1, at + 1 + (data[at] ?? 0)));
  }
  return strings.join('');
}

function readName(message: Buffer, start: number): { name: string; next: number } {
  const labels: string[] = [];
  let at = start;
  let next: number | undefined;
  // A pointer can only lead back, so more jumps than a name has labels means a loop.
  for (let step = 0; step < 256; step += 1) {
    const length = message.readUInt8(at);
    if (length === 0) return { name: `${labels.join('.')}.`, next: next ?? at + 1 };
    if (length >= 0xc0) {
      next ??= at + 2;
      at = message.readUInt16BE(at) & 0x3fff;
    } else {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += length + 1;
    }
  }
  throw new RangeError('a name that does not end');
}
