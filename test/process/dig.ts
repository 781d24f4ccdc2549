import { execFile } from 'node:child_process';
import type { Place } from '../rig/addresses.ts';

/** Who asks, and how. */
export interface Asker {
  /** A key file: the question is signed with its first key. */
  readonly key?: string;
  /** The address that the question comes from. */
  readonly from?: string;
  /** Whether recursion is desired; default no. */
  readonly recursive?: boolean;
  /** Default QUERY. */
  readonly opcode?: 'NOTIFY';
}

export interface Digged {
  /** `NOERROR`, `REFUSED`, …; undefined where nothing answered. */
  readonly status: string | undefined;
  /** `www.example.com. 300 IN A 192.0.2.1`, sorted. */
  readonly answer: readonly string[];
}

/** Asks with BIND's own dig, once. */
export async function dig(
  place: Place,
  name: string,
  type: string,
  asker: Asker = {},
): Promise<Digged> {
  const shown = ['+noall', '+comments', '+answer'];
  const text = await run(place, [name, type, ...shown, ...how(asker)]);
  return { status: /status: (\w+)/.exec(text)?.[1], answer: recordsIn(text) };
}

/** The whole zone, its SOA left out; undefined where it was not given. */
export async function axfr(
  place: Place,
  zone: string,
  asker: Asker = {},
): Promise<string[] | undefined> {
  const text = await run(place, [zone, 'AXFR', '+noall', '+answer', ...how(asker)]);
  const records = recordsIn(text);
  if (records.length === 0 || text.includes('Transfer failed')) return undefined;
  return records.filter((record) => !/ (?:SOA|TSIG) /.test(record));
}

function how({ key, from, recursive = false, opcode }: Asker): string[] {
  return [
    recursive ? '+recurse' : '+norecurse',
    ...(opcode === undefined ? [] : [`+opcode=${opcode}`]),
    ...(key === undefined ? [] : ['-k', key]),
    ...(from === undefined ? [] : ['-b', from]),
  ];
}

function run({ address, dnsPort }: Place, args: readonly string[]): Promise<string> {
  const server = [`@${address}`, '-p', String(dnsPort), '+tries=1', '+time=3'];
  return new Promise((resolve) => {
    execFile('dig', [...server, ...args], { maxBuffer: 64 * 1024 * 1024 }, (_error, stdout) =>
      resolve(stdout),
    );
  });
}

const recordsIn = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith(';'))
    .map((line) => line.replaceAll(/\s+/g, ' '))
    .sort();
