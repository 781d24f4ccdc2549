import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

// Stands in for the agent in the rig's own tests: writes a configuration with one zone, says that it is ready.
const names = [
  'http-address',
  'http-port',
  'dns-port',
  'dns-listen-on',
  'paths-config',
  'paths-zones',
];
const { values } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
});

const zoneFile = `${values['paths-zones']}/example.com.zone`;
const conf = `options {
  directory "${values['paths-config']}"; pid-file none; session-keyfile none; recursion no;
  listen-on port ${values['dns-port']} { ${values['dns-listen-on']}; }; listen-on-v6 { none; };
};
controls { };
zone "example.com" { type primary; file "${zoneFile}"; };
`;
const zone = `$TTL 300
@ SOA ns1 admin 7 3600 600 604800 300
@ NS ns1
ns1 A 192.0.2.53
www A 192.0.2.1
www A 192.0.2.2
@ TXT "one" "two"
`;
mkdirSync(String(values['paths-zones']), { recursive: true });
writeFileSync(zoneFile, zone);
writeFileSync(`${values['paths-config']}/named.conf`, conf);

createServer((_, response) => response.end('ok')).listen(
  Number(values['http-port']),
  String(values['http-address']),
);
process.on('SIGTERM', () => process.exit(0));
