import { createSecretKey, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderKey, type TsigKey } from '../../agent/dns/tsig-key.ts';
import { run } from '../../agent/process.ts';
import { type Child, startChild, tail } from '../rig/child.ts';
import { withEye } from '../rig/dns.ts';
import { openLedger } from '../rig/ledger.ts';
import { claimPort } from '../rig/ports.ts';
import { until } from '../rig/until.ts';

/** A named on 127.0.0.1 with a control channel, a new-zone database and primary zones that take updates. */
export interface LocalNamed {
  readonly folder: string;
  readonly port: number;
  readonly controlPort: number;
  /** For the control channel and for updates; the file is for `-k`. */
  readonly key: TsigKey;
  readonly keyFile: string;
  start(): Promise<void>;
  /** Writes the configuration with other keys for the control channel; named has to be told. */
  configure(controlKeys: readonly TsigKey[], zones?: readonly string[]): void;
  /** Writes a primary zone's file, which serves it after the next start. */
  write(zone: string, serial: number, records?: readonly string[]): void;
  signal(signal: NodeJS.Signals): void;
  /** Until SIGCONT; from here on no thread of it does anything any more. */
  hang(): Promise<void>;
  kill(): Promise<void>;
  serial(zone: string): Promise<number | undefined>;
  /** All records as dig prints them, the SOA first and last. */
  transfer(zone: string): Promise<string[]>;
  close(): Promise<void>;
}

export const makeKey = (
  name: string,
  algorithm: TsigKey['algorithm'] = 'hmac-sha256',
): TsigKey => ({
  name,
  algorithm,
  secret: createSecretKey(randomBytes(32)),
});

export async function localNamed(
  zones: readonly string[] = [],
  key: TsigKey = makeKey('control'),
): Promise<LocalNamed> {
  const ledger = openLedger();
  const { folder } = ledger;
  const port = await claimPort();
  const controlPort = await claimPort();
  const conf = join(folder, 'named.conf');
  const keyFile = join(folder, 'control.key');
  writeFileSync(keyFile, renderKey(key), { mode: 0o600 });
  mkdirSync(join(folder, 'nzd'));

  const configure: LocalNamed['configure'] = (controlKeys, served = zones) => {
    const names = controlKeys.map(({ name }) => `"${name}";`).join(' ');
    const keys = new Map([key, ...controlKeys].map((each) => [each.name, each]));
    writeFileSync(
      conf,
      `${[...keys.values()].map(renderKey).join('')}
controls { inet 127.0.0.1 port ${controlPort} allow { 127.0.0.1; } keys { ${names} }; };
options { directory "${folder}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };
  allow-new-zones yes; new-zones-directory "nzd"; recursion no; dnssec-validation no; notify no;
  pid-file none; session-keyfile none; masterfile-format text; allow-transfer { any; }; };
${served.map((zone) => stanza(zone, key.name)).join('')}`,
    );
  };

  const write: LocalNamed['write'] = (zone, serial, records = ['www 300 A 192.0.2.1']) => {
    const lines = [
      '$TTL 300',
      `@ SOA ns1 admin ${serial} 3600 600 604800 300`,
      '@ NS ns1',
      'ns1 A 192.0.2.53',
    ];
    writeFileSync(join(folder, `${zone}.zone`), `${[...lines, ...records].join('\n')}\n`);
  };

  const serial: LocalNamed['serial'] = (zone) =>
    withEye({ address: '127.0.0.1', dnsPort: port }, (eye) => eye.serial(zone));

  let child: Child | undefined;
  const start = async (): Promise<void> => {
    const started = startChild(
      { file: 'named', args: ['-f', '-n', '1', '-c', conf] },
      { log: join(folder, 'output.log'), ledger, cwd: folder },
    );
    child = started;
    const rndc = ['-s', '127.0.0.1', '-p', String(controlPort), '-k', keyFile, 'status'];
    await until(async () => {
      if (!started.running()) throw new Error(tail(started.log));
      return (await run('rndc', rndc, { timeoutMs: 5000 })).ok;
    });
  };

  configure([key]);
  for (const zone of zones) write(zone, 5);
  return {
    folder,
    port,
    controlPort,
    key,
    keyFile,
    start,
    configure,
    write,
    serial,
    signal: (signal) => child?.signal(signal),
    hang: async () => {
      const tasks = `/proc/${child?.pid}/task`;
      child?.signal('SIGSTOP');
      await until(() =>
        readdirSync(tasks).every((task) =>
          /^State:\s+T/m.test(readFileSync(join(tasks, task, 'status'), 'utf8')),
        ),
      );
    },
    kill: async () => void (await child?.stop('SIGKILL')),
    transfer: async (zone) => {
      const args = ['@127.0.0.1', '-p', String(port), zone, 'AXFR', '+noall', '+answer', '+onesoa'];
      const dug = await run('dig', args, { timeoutMs: 5000 });
      const lines = dug.stdout.split('\n').filter((line) => line !== '');
      return lines.map((line) => line.replace(/\s+/g, ' '));
    },
    close: async () => {
      await child?.stop('SIGKILL');
      ledger.sweep();
    },
  };
}

const stanza = (zone: string, key: string): string =>
  `zone "${zone}" { type primary; file "${zone}.zone"; update-policy { grant "${key}" zonesub ANY; }; };\n`;
