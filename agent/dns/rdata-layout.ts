/**
 * What rdata is made of. `string` is one character-string, `strings` one or more of them up to the end, `tag` a CAA
 * property's name, `rest` every octet up to the end.
 */
export type Field =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'ipv4'
  | 'ipv6'
  | 'name'
  | 'string'
  | 'strings'
  | 'tag'
  | 'rest';

/** The types that are shown in their own presentation form. Every other one is shown as RFC 3597 says. */
const shown: Readonly<Record<string, readonly Field[]>> = {
  A: ['ipv4'],
  AAAA: ['ipv6'],
  CAA: ['u8', 'tag', 'rest'],
  CNAME: ['name'],
  DNAME: ['name'],
  MX: ['u16', 'name'],
  NS: ['name'],
  PTR: ['name'],
  SOA: ['name', 'name', 'u32', 'u32', 'u32', 'u32', 'u32'],
  SRV: ['u16', 'u16', 'u16', 'name'],
  TXT: ['strings'],
};

/**
 * Types shown as RFC 3597 says whose names may come compressed all the same (RFC 3597 section 4): their octets only
 * mean something once the names are written out.
 */
export const compressible: Readonly<Record<string, readonly Field[]>> = {
  MD: ['name'],
  MF: ['name'],
  MB: ['name'],
  MG: ['name'],
  MR: ['name'],
  MINFO: ['name', 'name'],
  RP: ['name', 'name'],
  AFSDB: ['u16', 'name'],
  RT: ['u16', 'name'],
  SIG: ['u16', 'u8', 'u8', 'u32', 'u32', 'u32', 'u16', 'name', 'rest'],
  PX: ['u16', 'name', 'name'],
  NXT: ['name', 'rest'],
  NAPTR: ['u16', 'u16', 'string', 'string', 'string', 'name'],
  KX: ['u16', 'name'],
};

// Outside class IN (and NONE, in which an update deletes records of class IN) an address is something else.
const internetOnly = new Set(['A', 'AAAA']);

/** What the type is made of, if it is shown in its own form. */
export const layoutOf = (type: string, recordClass: string): readonly Field[] | undefined =>
  internetOnly.has(type) && recordClass !== 'IN' && recordClass !== 'NONE'
    ? undefined
    : shown[type];
