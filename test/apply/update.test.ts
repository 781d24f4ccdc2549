import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { sendUpdates, type UpdateDeps } from '../../agent/apply/update.ts';
import { fitsUpdate, updateCommands, updateScript } from '../../agent/apply/update-script.ts';
import { type ZoneChange, zoneChange } from '../../agent/apply/zone-change.ts';
import { type DomainName, parseName } from '../../agent/dns/name.ts';
import { canonicalRRsets, type RRset } from '../../agent/dns/rrset.ts';
import type { SoaData } from '../../agent/dns/soa.ts';
import { renderKey } from '../../agent/dns/tsig-key.ts';
import { recordsOf, zoneContentOf } from '../../agent/dns/zone-text.ts';
import { run } from '../../agent/process.ts';
import { until } from '../rig/until.ts';
import { type LocalNamed, localNamed, makeKey } from './local-named.ts';

function name(text: string): DomainName {
  const parsed = parseName(text);
  if (!parsed.ok) throw new Error(text);
  return parsed.value;
}

const soaOf = (zone: string): SoaData => ({
  mname: name(`ns1.${zone}`),
  rname: name(`admin.${zone}`),
  refresh: 3600,
  retry: 600,
  expire: 604_800,
  minimum: 300,
});

const soaText = (zone: string, serial: number): string =>
  `ns1.${zone}. admin.${zone}. ${serial} 3600 600 604800 300`;

const rrset = (owner: string, type: string, rdata: readonly string[], ttl = 300): RRset => ({
  owner: name(owner),
  type,
  ttl,
  rdata: [...rdata].sort(),
});

/** As the starter writes a zone, with other or further record sets. */
const target = (zone: string, serial: number, rrsets: readonly RRset[]) => ({
  serial,
  content: zoneContentOf({ zone: name(zone), soa: soaOf(zone), soaTtl: 300, rrsets }),
});

const base = (zone: string): RRset[] => [
  rrset(zone, 'NS', [`ns1.${zone}.`]),
  rrset(`ns1.${zone}`, 'A', ['192.0.2.53']),
];

/** A change of one address, from one serial to the next. */
const small = (zone: string, from: number, to: number): ZoneChange => ({
  zone: name(zone),
  known: soaText(zone, from),
  next: { ttl: 300, rdata: soaText(zone, to) },
  remove: [{ owner: name(`www.${zone}`), type: 'A' }],
  add: [rrset(`www.${zone}`, 'A', [`192.0.2.${to % 256}`])],
});

describe('with a real named', () => {
  const zones = ['a.test', 'b.test', 'c.test', 'd.test'];
  let named: LocalNamed;
  let deps: UpdateDeps;
  beforeAll(async () => {
    named = await localNamed(zones);
    await named.start();
    deps = {
      run,
      tools: '',
      server: { address: '127.0.0.1', port: named.port },
      keyFile: named.keyFile,
      timeoutMs: 10_000,
    };
  });
  afterAll(() => named.close());

  /** Puts every zone back to serial 5 with `www` alone. */
  afterEach(async () => {
    await named.kill();
    for (const zone of zones) {
      rmSync(join(named.folder, `${zone}.zone.jnl`), { force: true });
      named.write(zone, 5);
    }
    await named.start();
  });

  const kinds = async (
    changes: ZoneChange[],
    more: Partial<UpdateDeps> = {},
    signal?: AbortSignal,
  ) =>
    Object.fromEntries(
      [...(await sendUpdates(changes, { ...deps, ...more }, signal))].map(([zone, outcome]) => [
        zone,
        outcome.kind,
      ]),
    );

  test('makes one content into another, record for record, under the serial given', async () => {
    const zone = 'a.test';
    const before = [...base(zone), rrset(`www.${zone}`, 'A', ['192.0.2.1'])];
    const first = [
      rrset(zone, 'NS', [`ns1.${zone}.`, 'ns.elsewhere.']),
      rrset(`ns1.${zone}`, 'A', ['192.0.2.53']),
      rrset(zone, 'MX', ['10 mail.a.test.']),
      rrset(`www.${zone}`, 'CNAME', ['other.a.test.']),
      rrset(`other.${zone}`, 'A', ['192.0.2.7', '192.0.2.8', '192.0.2.9']),
      rrset(`*.${zone}`, 'AAAA', ['2001:db8::1']),
      rrset(`we\\032ird\\;x\\"q\\\\.${zone}`, 'TXT', ['"a;b" "c\\"d\\\\e\\010f" "$x" "(y"']),
      rrset(`_sip._tcp.${zone}`, 'SRV', ['1 2 5060 other.a.test.']),
      rrset(`gone.${zone}`, 'A', ['192.0.2.99']),
      rrset(`x.${zone}`, 'TYPE65280', ['\\# 4 0A000001']),
    ];
    const second = [
      // The last of the old name servers goes in the same breath as the new ones come.
      rrset(zone, 'NS', ['ns8.elsewhere.', 'ns9.elsewhere.'], 900),
      rrset(`ns1.${zone}`, 'A', ['192.0.2.53']),
      rrset(`www.${zone}`, 'A', ['192.0.2.1']),
      rrset(`www.${zone}`, 'TXT', ['"back"']),
      // The same addresses but one, under another TTL.
      rrset(`other.${zone}`, 'A', ['192.0.2.7', '192.0.2.8'], 60),
      rrset(`*.${zone}`, 'AAAA', ['2001:db8::1', '2001:db8::2']),
    ];
    const steps = [
      target(zone, 5, before),
      target(zone, 2026112101, first),
      target(zone, 2026112102, second),
      // Only the serial.
      target(zone, 2026112109, second),
    ];
    for (const [i, to] of steps.entries()) {
      const from = steps[i - 1];
      if (from === undefined) continue;
      expect(await kinds([zoneChange(name(zone), from, to)])).toEqual({ 'a.test.': 'applied' });
      const lines = recordsOf(to.content).rrsets.flatMap(({ owner, ttl, type, rdata }) =>
        rdata.map((data) => `${owner} ${ttl} IN ${type} ${data}`),
      );
      const [soa, ...rest] = await named.transfer(zone);
      expect(soa).toBe(`${zone}. 300 IN SOA ${soaText(zone, to.serial)}`);
      expect(rest.sort()).toEqual(lines.sort());
    }
  });

  test('changes nothing where another serial is served than known, and the others all the same', async () => {
    const outcomes = await sendUpdates(
      [
        small('a.test', 5, 10),
        small('b.test', 4, 10),
        small('nowhere.test', 5, 10),
        small('c.test', 5, 10),
      ],
      deps,
    );
    expect(Object.fromEntries(outcomes)).toEqual({
      'a.test.': { kind: 'applied' },
      'b.test.': { kind: 'stale' },
      'nowhere.test.': { kind: 'refused', why: 'named answered the update with NOTAUTH' },
      'c.test.': { kind: 'applied' },
    });
    expect(await Promise.all(zones.map((zone) => named.serial(zone)))).toEqual([10, 5, 10, 5]);
  });

  test('also where only another field of the SOA differs', async () => {
    const change = small('a.test', 5, 10);
    const known = change.known.replace(' 300', ' 301');
    expect(await kinds([{ ...change, known }])).toEqual({ 'a.test.': 'stale' });
  });

  test('keeps the change when named is killed right after', async () => {
    expect(await kinds([small('a.test', 5, 10)])).toEqual({ 'a.test.': 'applied' });
    await named.kill();
    await named.start();
    expect(await named.serial('a.test')).toBe(10);
  });

  test('leaves out what nsupdate cannot read, and does the rest of the batch', async () => {
    const bad = { ...small('b.test', 5, 10), add: [rrset('www.b.test', 'A', ['192.0.2.999'])] };
    const worse = { ...small('c.test', 5, 10), add: [rrset('www.c.test', 'TXT', ['"open'])] };
    const outcomes = await sendUpdates(
      [small('a.test', 5, 10), bad, worse, small('d.test', 5, 10)],
      deps,
    );
    expect(Object.fromEntries(outcomes)).toEqual({
      'a.test.': { kind: 'applied' },
      'b.test.': { kind: 'refused', why: 'invalid rdata format: bad dotted quad' },
      'c.test.': { kind: 'refused', why: expect.stringContaining('invalid rdata format') },
      'd.test.': { kind: 'applied' },
    });
    expect(await Promise.all(zones.map((zone) => named.serial(zone)))).toEqual([10, 5, 5, 10]);
  });

  test('lets nothing into the script that is not one plain line', async () => {
    const evil = '"x"\nupdate delete a.test. IN NS\nsend';
    const change = { ...small('b.test', 5, 10), add: [rrset('www.b.test', 'TXT', [evil])] };
    const outcomes = await sendUpdates([small('a.test', 5, 10), change], deps);
    expect(outcomes.get(name('a.test'))).toEqual({ kind: 'applied' });
    expect(outcomes.get(name('b.test'))).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('want one line of plain text'),
    });
    expect(() => updateScript([change])).toThrow('b.test.: want one line of plain text');
    for (const text of ['\r', '\0', '\t', 'é', '\u2028', 'x'.repeat(100_000)]) {
      const odd = { ...change, add: [rrset('www.b.test', 'TXT', [`"${text}"`])] };
      expect(updateCommands(odd).ok).toBe(false);
    }
  });

  test('is refused with another key, without one, and says which it was', async () => {
    const wrong = join(named.folder, 'wrong.key');
    writeFileSync(wrong, renderKey(makeKey('control')), { mode: 0o600 });
    const change = small('a.test', 5, 10);
    const outcomes = await sendUpdates([change], { ...deps, keyFile: wrong });
    expect([...outcomes.values()]).toEqual([
      { kind: 'refused', why: 'named answered the update with NOTAUTH (BADSIG)' },
    ]);
    const unsigned = await sendUpdates([change], { ...deps, keyFile: join(named.folder, 'no') });
    expect([...unsigned.values()]).toEqual([
      { kind: 'refused', why: expect.stringMatching('^could not read key from .*/no') },
    ]);
    expect(await named.serial('a.test')).toBe(5);
  });

  test('does not know the outcome when named hangs, is away, or nsupdate is', async () => {
    const change = small('a.test', 5, 10);
    await named.hang();
    const start = performance.now();
    const hung = await sendUpdates([change, small('b.test', 5, 10)], { ...deps, timeoutMs: 300 });
    named.signal('SIGCONT');
    expect(performance.now() - start).toBeLessThan(3000);
    expect([...hung.values()].map(({ kind }) => kind)).toEqual(['unknown', 'unknown']);
    await until(() => named.serial('d.test'));
    const away = { server: { address: '127.0.0.1', port: 1 } };
    expect(await kinds([change], away)).toEqual({ 'a.test.': 'unknown' });
    const [missing] = (await sendUpdates([change], { ...deps, tools: '/nowhere' })).values();
    expect(missing).toEqual({
      kind: 'unknown',
      why: 'nsupdate was not found: /nowhere/nsupdate',
    });
    expect(await kinds([change], {}, AbortSignal.abort())).toEqual({ 'a.test.': 'unknown' });
  });

  test('takes the largest change that fits, and says what does not', async () => {
    const zone = 'a.test';
    const many = (count: number): ZoneChange => {
      const owner = (i: number) => `host-${String(i).padStart(5, '0')}.${zone}`;
      const rrsets = [...Array(count).keys()].map((i) => rrset(owner(i), 'A', ['192.0.2.1']));
      const before = [...base(zone), rrset(`www.${zone}`, 'A', ['192.0.2.1'])];
      return zoneChange(
        name(zone),
        target(zone, 5, before),
        target(zone, 6, [...before, ...canonicalRRsets(rrsets)]),
      );
    };
    let count = 10_000;
    while (!fitsUpdate(many(count))) count -= 100;
    expect(count).toBeGreaterThan(1000);
    expect(await kinds([many(count)])).toEqual({ 'a.test.': 'applied' });
    expect(await named.serial(zone)).toBe(6);
  });

  test('shows no secret to who lists processes', async () => {
    const seen: string[] = [];
    const spy: typeof run = (file, args, options) => {
      seen.push(...args, options.input ?? '');
      return run(file, args, options);
    };
    await sendUpdates([small('a.test', 5, 10)], { ...deps, run: spy });
    expect(seen.join('\n')).toContain(named.keyFile);
    expect(seen.join('\n')).not.toContain(named.key.secret.export().toString('base64'));
  });
});

describe('a batch', () => {
  test('of 2,000 zones is sent by a few processes, each zone once', async () => {
    const scripts: string[] = [];
    const fake: typeof run = async (_, __, { input = '' }) => {
      scripts.push(input);
      const answers = [...input.matchAll(/^zone (\S+)$/gm)].map(
        ([, zone]) =>
          `Answer:\n;; ->>HEADER<<- opcode: UPDATE, status: NOERROR, id:  1\n;; flags: qr;\n;; ZONE SECTION:\n;${zone}\t\tIN\tSOA\n\n`,
      );
      return { ok: true, stdout: answers.join(''), stderr: '' };
    };
    const changes = [...Array(2000).keys()].map((i) => small(`z${i}.test`, 5, 6));
    const outcomes = await sendUpdates(changes, {
      run: fake,
      tools: '',
      server: { address: '127.0.0.1', port: 53 },
      keyFile: 'k',
      timeoutMs: 1,
    });
    expect(scripts).toHaveLength(4);
    expect(outcomes.size).toBe(2000);
    expect(new Set([...outcomes.values()].map(({ kind }) => kind))).toEqual(new Set(['applied']));
    expect(scripts.join('').match(/^send$/gm)).toHaveLength(2000);
  });

  test('of nothing starts no process', async () => {
    const never: typeof run = () => Promise.reject(new Error('started'));
    const deps = {
      run: never,
      tools: '',
      server: { address: '', port: 0 },
      keyFile: '',
      timeoutMs: 1,
    };
    expect((await sendUpdates([], deps)).size).toBe(0);
  });
});
