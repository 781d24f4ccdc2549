import type { Place } from '../rig/addresses.ts';
import { timers } from './contestant.ts';

export interface StaticServer {
  readonly role: 'primary' | 'secondary';
  readonly place: Place;
  readonly controlPort: number;
  readonly statisticsPort: number;
  readonly folder: string;
}

/** What a careful operator writes by hand for BIND that must be fast and serves peers by key. */
export function staticConf(
  server: StaticServer,
  peers: readonly Place[],
  zones: readonly string[],
  { keys, version }: { readonly keys: string; readonly version: string },
): string {
  const { place, folder, controlPort, statisticsPort } = server;
  const log = 'print-time iso8601; print-category yes; print-severity yes; severity info;';
  const categories = [
    'default',
    'general',
    'security',
    'xfer-in',
    'xfer-out',
    'notify',
    'zoneload',
  ];
  return `${keys}
controls { inet ${place.address} port ${controlPort} allow { any; } keys { "control"; }; };
statistics-channels { inet ${place.address} port ${statisticsPort} allow { any; }; };
logging {
  channel transfers { file "${folder}/transfers.log" versions 2 size 5m; ${log} };
  channel err { stderr; ${log} };
${categories.map((each) => `  category ${each} { transfers; err; };\n`).join('')}};
options {
  directory "${folder}"; managed-keys-directory "${folder}"; pid-file none; session-keyfile none;
  listen-on port ${place.dnsPort} { ${place.address}; }; listen-on-v6 { none; };
  transfer-source ${place.address}; notify-source ${place.address};
  recursion no; version none; server-id none; dnssec-validation no;
  masterfile-format text; allow-transfer { none; }; notify explicit; notify-delay 0;
  serial-query-rate 10000; notify-rate 10000; startup-notify-rate 10000;
  transfers-in 200; transfers-per-ns 200; transfers-out 1000; tcp-clients 5000; tcp-listen-queue 1000; udp-receive-buffer 4194304;
  try-tcp-refresh no; ${version.startsWith('9.18.') ? 'use-alt-transfer-source no;' : ''}
  edns-udp-size 1232; max-udp-size 1232;
};
${zones.map((zone) => stanza(server, zone, peers)).join('')}`;
}

function stanza({ role, folder }: StaticServer, zone: string, peers: readonly Place[]): string {
  const file = `file "${folder}/zones/${zone}.zone";`;
  const others = peers
    .map(({ address, dnsPort }) => `${address} port ${dnsPort} key "cluster";`)
    .join(' ');
  return role === 'primary'
    ? `zone "${zone}" { type primary; ${file} also-notify { ${others} }; allow-transfer { key "cluster"; }; };\n`
    : `zone "${zone}" { type secondary; ${file} primaries { ${others} }; allow-notify { key "cluster"; }; };\n`;
}

/** The same records that the agents' zones have. */
export function staticZone(zone: string, address: string, serial: number): string {
  const { refresh, retry, expire, negativeTtl } = timers;
  return `$ORIGIN ${zone}.
$TTL 300
@ SOA ns1 hostmaster ${serial} ${refresh} ${retry} ${expire} ${negativeTtl}
@ NS ns1
ns1 A 192.0.2.53
www A ${address}
mail A 192.0.2.25
`;
}
