import { isIPv4, isIPv6 } from 'node:net';
import { parseName } from '../dns/name.ts';
import { whyNotOneRecord } from '../dns/zone-file.ts';
import { type Parsed, parsed, refused } from '../problem.ts';
import { parseAclElement, parseListenElement } from './acl.ts';
import { parseAddress, parseEndpoint } from './endpoint.ts';
import { quoted } from './got.ts';
import type { TextRule } from './rule.ts';

/** A server, as it was written: its readers parse it again. */
export const endpointRule: TextRule = (text) => {
  const endpoint = parseEndpoint(text);
  return endpoint.ok ? parsed(text) : endpoint;
};

export const accessRule: TextRule = (text) => textOf(parseAclElement(text));

export const listenRule: TextRule = (text) => textOf(parseListenElement(text));

const textOf = (element: Parsed<{ readonly text: string }>): Parsed<string> =>
  element.ok ? parsed(element.value.text) : element;

const addressRule =
  (family: string, fits: (address: string) => boolean): TextRule =>
  (text) => {
    const address = parseAddress(text);
    if (address !== undefined && fits(address)) return parsed(address);
    return refused('', `want an ${family} address, got ${quoted(text)}`);
  };

export const ipv4Rule = addressRule('IPv4', isIPv4);
export const ipv6Rule = addressRule('IPv6', isIPv6);
export const ipRule = addressRule('IP', () => true);

/** A domain name as it was written, relative or absolute; `@` is the zone itself. */
export const nameRule: TextRule = (text) => {
  const name = text === '@' ? parsed(text) : parseName(text);
  return name.ok ? parsed(text) : name;
};

/** A mailbox, as an address or in the form that the SOA has it. */
export const mailboxRule: TextRule = (text) => {
  const parts = text.split('@');
  if (parts.length > 2 || parts.includes(''))
    return refused('', `want a mail address or its form as a name, got ${quoted(text)}`);
  const name = nameRule(parts.at(-1) ?? '');
  return name.ok ? parsed(text) : name;
};

/** Types that named makes itself, and types of questions and messages. */
const notWritten = ['RRSIG', 'NSEC', 'NSEC3', 'ANY', 'AXFR', 'IXFR', 'OPT', 'TSIG', 'TKEY'];

/** A type that users may write, in upper case. */
export const recordTypeRule: TextRule = (text) => {
  const type = text.toUpperCase();
  if (type === 'SOA') return refused('', "want the SOA in the zone's soaRecord, got SOA");
  return notWritten.includes(type) ? refused('', `want a type of data, got ${type}`) : parsed(type);
};

/** The data of one record, on one line. */
export const recordDataRule: TextRule = (text) => {
  const problem = whyNotOneRecord(text);
  return problem === undefined ? parsed(text) : refused('', `${problem} in ${quoted(text)}`);
};
