import { execFile } from 'node:child_process';
import { createSecretKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type DomainName, parseName } from '../../agent/dns/name.ts';
import { renderKey, type TsigKey } from '../../agent/dns/tsig-key.ts';
import { startChild, tail } from '../rig/child.ts';
import { openLedger } from '../rig/ledger.ts';
import { claimPort } from '../rig/ports.ts';
import { until } from '../rig/until.ts';

const run = promisify(execFile);

export const named = '/usr/sbin/named';

export const sha256: TsigKey = {
  name: 'sha256.test',
  algorithm: 'hmac-sha256',
  secret: createSecretKey('a secret of the tests, no. 256', 'utf8'),
};

export const sha512: TsigKey = {
  name: 'sha512.test',
  algorithm: 'hmac-sha512',
  secret: createSecretKey('a secret of the tests, no. 512', 'utf8'),
};

export const md5: TsigKey = {
  name: 'md5.test',
  algorithm: 'hmac-md5',
  secret: createSecretKey('a secret of the tests, old', 'utf8'),
};

export interface Server {
  readonly port: number;
  /** The zone file's path, by the zone's name. */
  file(zone: string): string;
  stop(): Promise<void>;
}

export interface ServerZone {
  readonly name: string;
  readonly text: string;
  /** Statements of its stanza. */
  readonly stanza: string;
}

/** One primary on 127.0.0.1 and ::1 that knows all the keys above. `options` are more statements of its options. */
export async function startNamed(zones: readonly ServerZone[], options = ''): Promise<Server> {
  const ledger = openLedger();
  const folder = join(ledger.folder, 'named');
  mkdirSync(folder);
  const port = await claimPort();
  const file = (zone: string): string => join(folder, `${zone}.zone`);
  for (const { name, text } of zones) writeFileSync(file(name), text);
  const stanzas = zones.map(
    ({ name, stanza }) => `zone "${name}" { type primary; file "${file(name)}"; ${stanza} };`,
  );
  const conf = `${[sha256, sha512, md5].map(renderKey).join('')}
options {
  directory "${folder}"; pid-file none; lock-file none; session-keyfile none;
  listen-on port ${port} { 127.0.0.1; }; listen-on-v6 port ${port} { ::1; };
  recursion no; dnssec-validation no; notify no; version none; ${options}
};
controls { };
${stanzas.join('\n')}
`;
  writeFileSync(join(folder, 'named.conf'), conf);
  const log = join(folder, 'log');
  const child = startChild(
    { file: named, args: ['-g', '-c', join(folder, 'named.conf'), '-n', '1', '-U', '1'] },
    { log, ledger, cwd: folder },
  );
  const stop = async (): Promise<void> => {
    await child.stop('SIGKILL');
    ledger.sweep();
  };
  try {
    await until(() => tail(log, 3).includes('running') || !child.running(), { what: 'named' });
    if (!child.running()) throw new Error(tail(log));
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, file, stop };
}

export function domain(text: string): DomainName {
  const name = parseName(text);
  if (!name.ok) throw new Error(JSON.stringify(name.problems));
  return name.value;
}

/** What a program of BIND prints. */
export async function output(file: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(file, args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}
