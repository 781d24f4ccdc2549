/** Names and numbers of the IANA registry "Domain Name System (DNS) Parameters". */

const typeNumbers: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  MD: 3,
  MF: 4,
  CNAME: 5,
  SOA: 6,
  MB: 7,
  MG: 8,
  MR: 9,
  NULL: 10,
  WKS: 11,
  PTR: 12,
  HINFO: 13,
  MINFO: 14,
  MX: 15,
  TXT: 16,
  RP: 17,
  AFSDB: 18,
  X25: 19,
  ISDN: 20,
  RT: 21,
  NSAP: 22,
  'NSAP-PTR': 23,
  SIG: 24,
  KEY: 25,
  PX: 26,
  GPOS: 27,
  AAAA: 28,
  LOC: 29,
  NXT: 30,
  EID: 31,
  NIMLOC: 32,
  SRV: 33,
  ATMA: 34,
  NAPTR: 35,
  KX: 36,
  CERT: 37,
  A6: 38,
  DNAME: 39,
  SINK: 40,
  OPT: 41,
  APL: 42,
  DS: 43,
  SSHFP: 44,
  IPSECKEY: 45,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  DHCID: 49,
  NSEC3: 50,
  NSEC3PARAM: 51,
  TLSA: 52,
  SMIMEA: 53,
  HIP: 55,
  NINFO: 56,
  RKEY: 57,
  TALINK: 58,
  CDS: 59,
  CDNSKEY: 60,
  OPENPGPKEY: 61,
  CSYNC: 62,
  ZONEMD: 63,
  SVCB: 64,
  HTTPS: 65,
  SPF: 99,
  UINFO: 100,
  UID: 101,
  GID: 102,
  UNSPEC: 103,
  NID: 104,
  L32: 105,
  L64: 106,
  LP: 107,
  EUI48: 108,
  EUI64: 109,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
  URI: 256,
  CAA: 257,
  AVC: 258,
  DOA: 259,
  AMTRELAY: 260,
  TA: 32768,
  DLV: 32769,
};

const classNumbers: Readonly<Record<string, number>> = { IN: 1, CH: 3, HS: 4, NONE: 254, ANY: 255 };

const opcodeNumbers: Readonly<Record<string, number>> = {
  QUERY: 0,
  IQUERY: 1,
  STATUS: 2,
  NOTIFY: 4,
  UPDATE: 5,
};

const rcodeNumbers: Readonly<Record<string, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  YXDOMAIN: 6,
  YXRRSET: 7,
  NXRRSET: 8,
  NOTAUTH: 9,
  NOTZONE: 10,
  BADVERS: 16,
  BADCOOKIE: 23,
};

// The same registry as the response codes, but 16 means something else inside a TSIG record.
const tsigErrorNumbers: Readonly<Record<string, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  BADSIG: 16,
  BADKEY: 17,
  BADTIME: 18,
  BADTRUNC: 22,
};

const turned = (numbers: Readonly<Record<string, number>>): ReadonlyMap<number, string> =>
  new Map(Object.entries(numbers).map(([name, number]) => [number, name]));

const typeNames = turned(typeNumbers);
const classNames = turned(classNumbers);
const opcodeNames = turned(opcodeNumbers);
const rcodeNames = turned(rcodeNumbers);
const tsigErrorNames = turned(tsigErrorNumbers);

/** `SOA` for 6; `TYPE65400` (RFC 3597 section 5) where there is no name. */
export const typeName = (number: number): string => typeNames.get(number) ?? `TYPE${number}`;

/** `IN` for 1; `CLASS2` where there is no name. */
export const className = (number: number): string => classNames.get(number) ?? `CLASS${number}`;

/** `QUERY` for 0; `OPCODE7` where there is no name. */
export const opcodeName = (number: number): string => opcodeNames.get(number) ?? `OPCODE${number}`;

/** `REFUSED` for 5; `RCODE12` where there is no name. */
export const rcodeName = (number: number): string => rcodeNames.get(number) ?? `RCODE${number}`;

/** `BADKEY` for 17; `RCODE12` where there is no name. RFC 8945 section 3. */
export const tsigErrorName = (number: number): string =>
  tsigErrorNames.get(number) ?? `RCODE${number}`;

/** Undefined for what is neither a name (in any case) nor `TYPEn`. */
export const typeNumber = (name: string): number | undefined =>
  numberOf(name, typeNumbers, /^TYPE(\d{1,5})$/, 0xffff);

export const classNumber = (name: string): number | undefined =>
  numberOf(name, classNumbers, /^CLASS(\d{1,5})$/, 0xffff);

export const opcodeNumber = (name: string): number | undefined =>
  numberOf(name, opcodeNumbers, /^OPCODE(\d{1,2})$/, 15);

export const rcodeNumber = (name: string): number | undefined =>
  numberOf(name, rcodeNumbers, /^RCODE(\d{1,4})$/, 0xfff);

function numberOf(
  name: string,
  numbers: Readonly<Record<string, number>>,
  generic: RegExp,
  highest: number,
): number | undefined {
  const upper = name.toUpperCase();
  if (Object.hasOwn(numbers, upper)) return numbers[upper];
  const digits = generic.exec(upper)?.[1];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  return number <= highest ? number : undefined;
}
