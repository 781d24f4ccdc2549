import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../rig/addresses.ts';
import { systemBind } from '../rig/bind-versions.ts';
import { type Child, startChild } from '../rig/child.ts';
import { withEye } from '../rig/dns.ts';
import { openLedger } from '../rig/ledger.ts';
import { claimPort } from '../rig/ports.ts';
import { until } from '../rig/until.ts';

/** A plain named on 127.0.0.1 without any agent, as some other party would run it. */
export interface Outside {
  readonly place: Place;
  /** `127.0.0.1:5353`, as resources have it. */
  readonly endpoint: string;
  /** Serves the zone with these addresses of `www` at this serial, and notifies. */
  serve(serial: number, address: string): Promise<void>;
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** A primary of one zone, started, that anyone may transfer from. */
export async function startOutside(zone: string, notify: readonly Place[] = []): Promise<Outside> {
  const bind = await systemBind();
  if (!bind.ok) throw new Error(bind.why);
  const ledger = openLedger();
  const { folder } = ledger;
  const place = { address: '127.0.0.1', dnsPort: await claimPort() };
  mkdirSync(folder, { recursive: true });
  const told = notify.map(({ address, dnsPort }) => `${address} port ${dnsPort};`).join(' ');
  writeFileSync(
    join(folder, 'named.conf'),
    `options {
  directory "${folder}"; pid-file none; session-keyfile none; recursion no; dnssec-validation no;
  listen-on port ${place.dnsPort} { 127.0.0.1; }; listen-on-v6 { none; };
  allow-transfer { any; }; notify explicit; notify-delay 0; notify-source 127.0.0.1;
};
controls { };
zone "${zone}" { type primary; file "zone"; also-notify { ${told} }; };
`,
  );
  let named: Child | undefined;
  return {
    place,
    endpoint: `${place.address}:${place.dnsPort}`,
    async serve(serial, address) {
      writeFileSync(
        join(folder, 'zone'),
        `$TTL 300\n@ SOA ns1 admin ${serial} 3600 600 604800 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A ${address}\n`,
      );
      if (named?.running() === true) named.signal('SIGHUP');
      else {
        const program = { file: bind.bind.named, args: ['-f', '-c', join(folder, 'named.conf')] };
        named = startChild(program, { log: join(folder, 'log'), ledger });
      }
      await until(async () => (await withEye(place, (eye) => eye.serial(zone))) === serial, {
        what: `the server outside to serve ${zone} at ${serial}`,
      });
    },
    async kill() {
      await named?.stop('SIGKILL');
    },
    async close() {
      await named?.stop('SIGKILL');
      ledger.sweep();
    },
  };
}
