import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Bind } from '../rig/bind-versions.ts';
import { type Child, startChild, tail } from '../rig/child.ts';
import { withEye } from '../rig/dns.ts';
import { type Ledger, openLedger } from '../rig/ledger.ts';
import { claimPort } from '../rig/ports.ts';
import { until } from '../rig/until.ts';

const exec = promisify(execFile);

/** One named on 127.0.0.1, with a log as the agent configures it. */
export interface Server {
  readonly folder: string;
  readonly port: number;
  readonly statisticsPort: number;
  readonly log: string;
  /** Writes the configuration anew: the zone stanzas given, and further options. */
  configure(zones: string, options?: string, keys?: string): void;
  start(): Promise<void>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  rndc(...command: string[]): Promise<string>;
  serial(zone: string): Promise<number | undefined>;
  lines(): string[];
}

/** A primary and a secondary for `a.test`, and what tests change about them. */
export interface Pair {
  readonly primary: Server;
  readonly secondary: Server;
  close(): Promise<void>;
}

/** Of the keys in these tests, base64. */
export const secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTAxMjM=';

export const key = (name: string, keySecret = secret): string =>
  `key "${name}" { algorithm hmac-sha256; secret "${keySecret}"; };\n`;

/** A zone text with this serial and as many addresses more than it needs. */
export const zoneText = (serial: number, addresses = 3, expire = 604_800, refresh = 3600): string =>
  [
    `$TTL 300`,
    `@ SOA ns1 admin ${serial} ${refresh} 1 ${expire} 300`,
    '@ NS ns1',
    'ns1 A 192.0.2.1',
    ...Array.from({ length: addresses }, (_, n) => `h${n} A 192.0.2.${n % 250}`),
    '',
  ].join('\n');

/** Both servers, configured for `a.test` with the key `k`, not started. */
export async function openPair(bind: Bind): Promise<Pair> {
  const ledger = openLedger();
  const primary = await server('primary', bind, ledger);
  const secondary = await server('secondary', bind, ledger);
  primary.configure(primaryStanza());
  writeFileSync(join(primary.folder, 'a.test.zone'), zoneText(5, 60));
  secondary.configure(secondaryStanza(primary.port));
  const close = async (): Promise<void> => {
    await Promise.all([primary.stop('SIGKILL'), secondary.stop('SIGKILL')]);
    ledger.sweep();
  };
  return { primary, secondary, close };
}

export const primaryStanza = (more = 'allow-transfer { key k; };', name = 'a.test'): string =>
  `zone "${name}" { type primary; file "${name}.zone"; ixfr-from-differences yes; max-ixfr-ratio unlimited; ${more} };\n`;

export const secondaryStanza = (port: number, keyName = 'k', name = 'a.test'): string =>
  `zone "${name}" { type secondary; file "${name}.zone"; primaries { 127.0.0.1 port ${port} key ${keyName}; };
   allow-notify { key k; }; allow-transfer { none; }; max-retry-time 1; min-retry-time 1; min-refresh-time 1; };\n`;

async function server(name: string, bind: Bind, ledger: Ledger): Promise<Server> {
  const folder = join(ledger.folder, name);
  mkdirSync(folder);
  const port = await claimPort();
  const control = await claimPort();
  const statisticsPort = await claimPort();
  const conf = join(folder, 'named.conf');
  const log = join(folder, 'transfers.log');
  writeFileSync(join(folder, 'rndc.key'), key('rndc'));
  let child: Child | undefined;

  const configure: Server['configure'] = (zones, options = '', keys = key('k')) => {
    const categories = [
      'default',
      'general',
      'security',
      'xfer-in',
      'xfer-out',
      'notify',
      'zoneload',
    ];
    writeFileSync(
      conf,
      `${keys}include "rndc.key";
controls { inet 127.0.0.1 port ${control} allow { 127.0.0.1; } keys { "rndc"; }; };
statistics-channels { inet 127.0.0.1 port ${statisticsPort} allow { 127.0.0.1; }; };
logging {
  channel transfers { file "transfers.log" versions 2 size 5m; print-time iso8601-utc; print-category yes; print-severity yes; severity info; };
${categories.map((category) => `  category ${category} { transfers; };`).join('\n')}
};
options { directory "${folder}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; pid-file none; session-keyfile none; masterfile-format text;
  notify explicit; notify-delay 0; serial-query-rate 1000; try-tcp-refresh no; allow-new-zones yes; ${options} };
${zones}`,
    );
  };

  const rndc = async (...command: string[]): Promise<string> => {
    const args = ['-s', '127.0.0.1', '-p', String(control), '-k', join(folder, 'rndc.key')];
    const file = bind.tools === '' ? 'rndc' : join(bind.tools, 'rndc');
    return (await exec(file, [...args, ...command])).stdout;
  };

  const start = async (): Promise<void> => {
    const started = startChild(
      { file: bind.named, args: ['-f', '-n', '1', '-c', conf] },
      { log: join(folder, 'output.log'), ledger, cwd: folder },
    );
    child = started;
    const up = async (): Promise<boolean> => {
      if (!started.running()) throw new Error(tail(started.log));
      return (await rndc('status').catch(() => '')).includes('up and running');
    };
    await until(up, { what: `${name} to run` });
  };

  return {
    folder,
    port,
    statisticsPort,
    log,
    configure,
    start,
    stop: async (signal = 'SIGTERM') => void (await child?.stop(signal)),
    rndc,
    serial: (zone) => withEye({ address: '127.0.0.1', dnsPort: port }, (eye) => eye.serial(zone)),
    lines: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
  };
}
