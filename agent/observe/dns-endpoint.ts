/** Where a DNS server is asked, and from where. */
export interface DnsEndpoint {
  /** IPv4 or IPv6, no host name. */
  readonly address: string;
  readonly port: number;
  /** One of this machine's own addresses to send from; by default the machine chooses. */
  readonly localAddress?: string;
}

/** Nothing came in time. */
export interface TimedOut {
  readonly kind: 'timeout';
}

/** Nobody is there to answer, as far as the network tells. */
export interface Unreachable {
  readonly kind: 'unreachable';
  /** A sentence part with address, port and the cause. */
  readonly message: string;
}

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  EADDRNOTAVAIL: 'the address to send from is not this machine’s',
  EPIPE: 'the connection was closed',
};

export function unreachable({ address, port }: DnsEndpoint, error: unknown): Unreachable {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const known = Object.hasOwn(causes, code) ? `${causes[code]} (${code})` : undefined;
  const cause = known ?? (error instanceof Error ? error.message : String(error));
  return { kind: 'unreachable', message: `${address} port ${port}: ${cause}` };
}
