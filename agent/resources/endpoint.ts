import { isIPv4, isIPv6 } from 'node:net';
import { type Parsed, parsed, refused } from '../problem.ts';
import { quoted } from './got.ts';

/** Where a server answers. The address is canonical: lower case, IPv6 compressed, without a zone index. */
export interface ServerAddress {
  readonly address: string;
  readonly port: number;
}

export const dnsPort = 53;

/** A server as users write it: `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:5353`. */
export function parseEndpoint(text: string, defaultPort = dnsPort): Parsed<ServerAddress> {
  const whole = parseAddress(text);
  if (whole !== undefined) return parsed({ address: whole, port: defaultPort });
  const parts = /^(?:\[(?<v6>[^\]]*)\]|(?<v4>[^:[\]]*))(?::(?<port>.*))?$/s.exec(text)?.groups;
  const address = parts && (parts['v6'] === undefined ? ipv4(parts['v4']) : ipv6(parts['v6']));
  const port = parts?.['port'] === undefined ? defaultPort : parsePort(parts['port']);
  if (address === undefined || port === undefined)
    return refused('', `want an IP, ip:port or [ipv6]:port, got ${quoted(text)}`);
  return parsed({ address, port });
}

/** The canonical form of an IP address, or nothing where the text is none. Zone indexes (`%eth0`) are none of ours. */
export const parseAddress = (text: string | undefined): string | undefined =>
  ipv4(text) ?? ipv6(text);

const ipv4 = (text: string | undefined): string | undefined =>
  text !== undefined && isIPv4(text) ? text : undefined;

function ipv6(text: string | undefined): string | undefined {
  if (text === undefined || !isIPv6(text) || text.includes('%')) return undefined;
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

function parsePort(text: string): number | undefined {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}
