import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../rig/addresses.ts';
import { systemBind } from '../rig/bind-versions.ts';
import { type Child, startChild } from '../rig/child.ts';
import { withEye } from '../rig/dns.ts';
import { openLedger } from '../rig/ledger.ts';
import { claimPort } from '../rig/ports.ts';
import { until } from '../rig/until.ts';

/** A plain named without any agent, as some other party would run it. */
export interface Outside {
  readonly place: Place;
  /** `127.0.0.1:5353`, as resources have it. */
  readonly endpoint: string;
  /** Writes a file into its folder; `restart()` makes named read it. */
  write(file: string, text: string): void;
  /** Starts it, or lets it read everything anew. */
  restart(): void;
  serial(zone: string): Promise<number | undefined>;
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** @param zones `zone` statements; @param key a key file, whose key named then knows; @param at default: 127.0.0.1 */
export async function openOutside(zones: string, key?: string, at?: Place): Promise<Outside> {
  const bind = await systemBind();
  if (!bind.ok) throw new Error(bind.why);
  const ledger = openLedger();
  const { folder } = ledger;
  const place = at ?? { address: '127.0.0.1', dnsPort: await claimPort() };
  const { address, dnsPort } = place;
  const conf = join(folder, 'named.conf');
  writeFileSync(
    conf,
    `${key === undefined ? '' : readFileSync(key).toString()}
options {
  directory "${folder}"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;
  listen-on port ${dnsPort} { ${address}; }; listen-on-v6 { none; };
  allow-transfer { any; }; notify explicit; notify-delay 0; notify-source ${address};
  transfer-source ${address}; masterfile-format text;
};
controls { };
${zones}
`,
  );
  let named: Child | undefined;
  return {
    place,
    endpoint: `${address}:${dnsPort}`,
    write: (file, text) => writeFileSync(join(folder, file), text),
    restart() {
      if (named?.running() === true) return named.signal('SIGHUP');
      const program = { file: bind.bind.named, args: ['-f', '-c', conf] };
      named = startChild(program, { log: join(folder, 'log'), ledger });
    },
    serial: (zone) => withEye(place, (eye) => eye.serial(zone)),
    async kill() {
      await named?.stop('SIGKILL');
    },
    async close() {
      await named?.stop('SIGKILL');
      ledger.sweep();
    },
  };
}

export interface OutsidePrimary extends Outside {
  /** Serves the zone with this address of `www` at this serial, and notifies. */
  serve(serial: number, address: string): Promise<void>;
}

/** A primary of one zone that anyone may transfer from, or, with a key file, whoever has the key. */
export async function openOutsidePrimary(
  zone: string,
  notify: readonly Place[] = [],
  key?: { readonly file: string; readonly name: string },
  at?: Place,
): Promise<OutsidePrimary> {
  const told = notify.map(({ address, dnsPort }) => `${address} port ${dnsPort};`).join(' ');
  const access = key === undefined ? '' : `allow-transfer { key "${key.name}"; };`;
  const stanza = `zone "${zone}" { type primary; file "zone"; also-notify { ${told} }; ${access} };`;
  const outside = await openOutside(stanza, key?.file, at);
  return {
    ...outside,
    async serve(serial, address) {
      const text = `$TTL 300\n@ SOA ns1 admin ${serial} 3600 600 604800 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A ${address}\n`;
      outside.write('zone', text);
      outside.restart();
      await until(async () => (await outside.serial(zone)) === serial, {
        what: `the server outside to serve ${zone} at ${serial}`,
      });
    },
  };
}
