import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type DomainName, fileNameOf } from '../../agent/dns/name.ts';
import { renderStanza, type StanzaInput, stanzaOf, withoutFile } from '../../agent/plan/stanza.ts';
import { run } from '../../agent/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'bind9-agent-stanza-'));
afterAll(() => rmSync(folder, { recursive: true }));

const secret = 'c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IQ==';
const keys = ['cluster', 'local', 'external-dns']
  .map((name) => `key "${name}" { algorithm hmac-sha256; secret "${secret}"; };\n`)
  .join('');

/** Passes when named-checkconf takes the stanza in a configuration that has our keys. */
async function isTaken(stanza: string): Promise<void> {
  const path = join(folder, 'named.conf');
  writeFileSync(path, `${keys}options { directory "${folder}"; };\nzone "example.com" ${stanza}\n`);
  const ran = await run('named-checkconf', [path], { timeoutMs: 10_000 });
  expect(`${ran.stdout}${ran.stderr}`).toBe('');
  expect(ran.ok).toBe(true);
}

const zone = 'example.com.' as DomainName;
const primary: StanzaInput = {
  role: 'primary',
  folder: '/var/lib/bind/zones',
  primaries: [],
  notify: [
    { address: '10.0.0.2', port: 53, key: 'cluster' },
    { address: '2001:db8::2', port: 5353 },
  ],
  clusterKey: 'cluster',
  localKey: 'local',
  updateKeys: [],
  peerAddresses: ['10.0.0.2', '2001:db8::2'],
  narrowByAddress: false,
  allowTransfer: [],
  allowQuery: ['any'],
  maxRecordsPerType: 5000,
  maxTypesPerName: 500,
};
const secondary: StanzaInput = {
  ...primary,
  role: 'secondary',
  primaries: [{ address: '10.0.0.1', port: 53, key: 'cluster' }],
  notify: [],
};

const tail = 'max-records-per-type 5000; max-types-per-name 500; max-ixfr-ratio unlimited;';
const file =
  'file "/var/lib/bind/zones/example.com.zone"; masterfile-format text; notify explicit;';
const notify = 'also-notify { 10.0.0.2 port 53 key "cluster"; 2001:db8::2 port 5353; };';
const query = 'allow-query { key "cluster"; key "local"; any; };';

const goldens: readonly (readonly [what: string, input: StanzaInput, stanza: string])[] = [
  [
    'a primary between pods that share a key',
    primary,
    `{ type primary; ${file} ${notify} allow-transfer { key "local"; key "cluster"; }; ${query} ${tail} update-policy { grant "local" zonesub ANY; }; };`,
  ],
  [
    'a secondary of one proven primary',
    secondary,
    `{ type secondary; ${file} allow-transfer { key "local"; key "cluster"; }; ${query} ${tail} primaries { 10.0.0.1 port 53 key "cluster"; }; allow-notify { key "cluster"; }; try-tcp-refresh no; };`,
  ],
  [
    'a secondary that knows no primary yet: a dead loopback address, never none',
    { ...secondary, primaries: [] },
    `{ type secondary; ${file} allow-transfer { key "local"; key "cluster"; }; ${query} ${tail} primaries { 127.255.255.254 port 9; }; allow-notify { key "cluster"; }; try-tcp-refresh no; };`,
  ],
  [
    'a primary without a shared key: access by address',
    (({ clusterKey: _, ...rest }) => rest)(primary),
    `{ type primary; ${file} ${notify} allow-transfer { key "local"; 10.0.0.2; 2001:db8::2; }; allow-query { key "local"; any; }; ${tail} update-policy { grant "local" zonesub ANY; }; };`,
  ],
  [
    'a primary that outsiders may transfer from and update',
    {
      ...primary,
      updateKeys: ['external-dns'],
      allowTransfer: ['198.51.100.0/24', 'key "external-dns"'],
    },
    `{ type primary; ${file} ${notify} allow-transfer { key "local"; key "cluster"; 198.51.100.0/24; key "external-dns"; }; ${query} ${tail} update-policy { grant "local" zonesub ANY; grant "external-dns" zonesub ANY; }; };`,
  ],
  [
    'a zone that few may query: our own checks come first',
    { ...secondary, allowQuery: ['!10.9.0.0/16', '10.0.0.0/8'] },
    `{ type secondary; ${file} allow-transfer { key "local"; key "cluster"; }; allow-query { key "cluster"; key "local"; !10.9.0.0/16; 10.0.0.0/8; }; ${tail} primaries { 10.0.0.1 port 53 key "cluster"; }; allow-notify { key "cluster"; }; try-tcp-refresh no; };`,
  ],
];

test.each(goldens)('%s', async (_what, input, stanza) => {
  expect(stanzaOf(zone, renderStanza(input))).toBe(stanza);
  await isTaken(stanza);
});

test('zones with nothing of their own have one text, into which a name that says "$" goes as it is', () => {
  const stanza = renderStanza(primary);
  expect(renderStanza({ ...primary })).toBe(stanza);
  expect(stanza).not.toContain('example.com');
  const odd = "$&$'.example." as DomainName;
  expect(stanzaOf(odd, stanza)).toContain(`file "/var/lib/bind/zones/${fileNameOf(odd)}";`);
  for (const each of [odd, zone]) expect(withoutFile(each, stanzaOf(each, stanza))).toBe(stanza);
  expect(stanzaOf(zone, renderStanza({ ...primary, folder: '/$file' }))).toContain(
    'file "/$file/example.com.zone";',
  );
});

test('with access by key and address both, named takes it, and nobody in a list without addresses', async () => {
  await isTaken(renderStanza({ ...primary, narrowByAddress: true }));
  await isTaken(renderStanza({ ...primary, narrowByAddress: true, peerAddresses: [] }));
});

test('"none" admits no outsider, and shuts no pod out', () => {
  const stanza = renderStanza({ ...primary, allowTransfer: ['none'] });
  expect(stanza).toContain('allow-transfer { key "local"; key "cluster"; };');
});
