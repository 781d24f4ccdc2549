import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { defaultInstallation, installOf } from '../../agent/install/install.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import * as bindy from '../resources/bindy-objects.ts';
import { installCrds } from './install.ts';

const plane = useControlPlane({}, installCrds);

let namespace = '';
beforeEach(async () => {
  namespace = await plane().namespace();
});

interface KubernetesObject {
  apiVersion: string;
  kind: string;
  metadata: Record<string, unknown> & { name: string };
  spec: Record<string, unknown>;
  status?: unknown;
}

/** The objects of a manifest, for this test's namespace, without what only a server may write. */
function objectsIn(text: string): KubernetesObject[] {
  return parseAllDocuments(text).map((document) => {
    const { status: _, metadata, ...rest } = document.toJS() as KubernetesObject;
    const { uid, generation, creationTimestamp, resourceVersion, finalizers, ...own } = metadata;
    return { ...rest, metadata: { ...own, namespace } };
  });
}

const asText = (objects: readonly object[]): string =>
  objects.map((object) => JSON.stringify(object)).join('\n---\n');

const apply = (objects: readonly object[]): Promise<string> =>
  plane().kubectl(['apply', '-f', '-'], asText(objects));

async function kubectl(...args: string[]): Promise<string> {
  return plane().kubectl(['-n', namespace, ...args]);
}

const stored = async (version: string, { kind, metadata }: KubernetesObject) =>
  JSON.parse(
    await kubectl('get', `${kind}.${version}.bindy.firestoned.io`, metadata.name, '-o', 'json'),
  ) as KubernetesObject;

/** Sent by merge patch, as Bindy does. */
async function patchStatus(kind: string, name: string, status: unknown): Promise<void> {
  const patch = JSON.stringify({ status });
  await kubectl('patch', kind, name, '--subresource=status', '--type=merge', '-p', patch);
}

/** Without what is null, which is as if it were absent. */
const withoutNulls = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, each: unknown) => (each === null ? undefined : each)));

const zone = (spec: object, name = 'example-com'): KubernetesObject => ({
  apiVersion: 'bindy.firestoned.io/v1beta1',
  kind: 'DNSZone',
  metadata: { name, namespace },
  spec: { zoneName: 'example.com', ...spec },
});

describe('what users of Bindy have', () => {
  const texts = Object.entries(bindy).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value] as const] : [],
  );

  test.each(texts)('applies unchanged: %s', async (_, text) => {
    const objects = objectsIn(text);
    await apply(objects);
    for (const object of objects) {
      for (const version of ['v1alpha1', 'v1beta1']) {
        const { apiVersion, spec } = await stored(version, object);
        expect(apiVersion).toBe(`bindy.firestoned.io/${version}`);
        const defaults = object.kind === 'DNSZone' ? { type: 'primary' } : {};
        expect(spec).toEqual({ ...defaults, ...(withoutNulls(object.spec) as object) });
      }
    }
  });

  test("Bindy's status stays as it was written, beside the agent's own fields", async () => {
    await apply([zone({})]);
    await patchStatus('dnszone', 'example-com', { ...bindy.zoneStatus, writer: null });
    const own = { secondaryIps: ['10.244.1.5'], serial: 4_294_967_295 };
    await patchStatus('dnszone', 'example-com', own);
    const { status } = await stored('v1alpha1', zone({}));
    expect(status).toEqual({ ...bindy.zoneStatus, ...own });
  });

  test("a record's status stays as it was written", async () => {
    const [www] = objectsIn(bindy.quickStart);
    if (www === undefined) throw new Error('no object');
    await apply([www]);
    await patchStatus('arecord', 'www', bindy.recordStatus);
    expect((await stored('v1beta1', www)).status).toEqual(bindy.recordStatus);
  });

  test('CRDs that served one version only are replaced, and what was stored under them is read', async () => {
    const name = 'caarecords.bindy.firestoned.io';
    const [crd] = installOf(['crds'], defaultInstallation).filter(
      (each) => each.metadata.name === name,
    );
    const caa = objectsIn(bindy.v1beta1).find(({ kind }) => kind === 'CAARecord');
    if (crd === undefined || caa === undefined) throw new Error('no CAARecord');
    for (const version of ['v1alpha1', 'v1beta1']) {
      await kubectl('delete', 'crd', name, '--wait');
      // Bindy's are too large for `kubectl apply`.
      await plane().kubectl(['create', '-f', '-'], JSON.stringify(withOnly(version, crd)));
      await kubectl('wait', '--for=condition=Established', `crd/${name}`);
      await apply([{ ...caa, apiVersion: `bindy.firestoned.io/${version}` }]);
      await plane().kubectl(['apply', '-f', '-'], manifestText([crd]));
      await kubectl('wait', '--for=condition=Established', `crd/${name}`);
      for (const either of ['v1alpha1', 'v1beta1'])
        expect((await stored(either, caa)).spec).toEqual(caa.spec);
    }
  });
});

/** A CRD with one version and a loose schema. */
function withOnly(version: string, crd: object): object {
  const loose = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const one = {
    name: version,
    served: true,
    storage: true,
    schema: { openAPIV3Schema: loose },
    subresources: { status: {} },
  };
  const { spec, ...rest } = crd as { spec: object };
  return { ...rest, spec: { ...spec, versions: [one] } };
}

describe('kubectl get', () => {
  /** Words of the columns, a row a line. */
  const columns = async (...args: string[]): Promise<string[][]> =>
    (await kubectl('get', ...args))
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));

  test('answers at a glance what a zone is, what is served of it and whether all is well', async () => {
    await apply([
      zone({}, 'a'),
      zone({ type: 'secondary', secondaryConfig: { primaryServers: ['10.0.1.10'] } }, 'b'),
    ]);
    const lag = { behindSince: new Date(Date.now() - 300_000).toISOString() };
    await patchStatus('dnszone', 'a', {
      serial: 4_294_967_295,
      secondaryCount: 2,
      conditions: [
        { type: 'TransfersHealthy', status: 'True' },
        { type: 'Ready', status: 'False' },
      ],
      worstReason: 'TsigBadSignature',
      ...lag,
    });
    const age = expect.stringMatching(/^\d+s$/);
    expect(await columns('dnszones')).toEqual([
      ['NAME', 'ZONE', 'TYPE', 'SERIAL', 'SECONDARIES', 'READY', 'AGE'],
      ['a', 'example.com', 'primary', '4294967295', '2', 'False', age],
      ['b', 'example.com', 'secondary', age],
    ]);
    expect((await columns('zones', '-o', 'wide')).slice(0, 2)).toEqual([
      ['NAME', 'ZONE', 'TYPE', 'SERIAL', 'SECONDARIES', 'READY', 'AGE', 'LAG', 'REASON'],
      [
        ...['a', 'example.com', 'primary', '4294967295', '2', 'False'],
        age,
        '5m',
        'TsigBadSignature',
      ],
    ]);
  });

  test("shows a record's data, in whichever version it was written", async () => {
    const objects = [...objectsIn(bindy.v1alpha1), ...objectsIn(bindy.v1beta1)].map(
      (object, index) => ({
        ...object,
        metadata: { ...object.metadata, name: `${object.metadata.name}-${index}` },
      }),
    );
    await apply(objects.filter(({ kind }) => kind.endsWith('Record')));
    const rows = async (kind: string) => (await columns(kind)).map((row) => row.slice(1, -1));
    expect(await rows('a')).toEqual([
      ['NAME', 'ZONE', 'ADDRESSES', 'TTL'],
      ['www', '["192.0.2.11","192.0.2.10"]', '300'],
      ['www', 'example.com', '192.0.2.10', '300'],
    ]);
    expect((await rows('aaaa'))[2]).toEqual(['www', 'example-com', '2001:DB8::10']);
    expect((await rows('mx'))[1]).toEqual(['@', '10', 'mail.example.com.']);
    expect((await rows('srv'))[1]).toEqual(['_sip._tcp', 'sip.example.com.', '5060']);
    expect((await rows('txt'))[1]).toEqual(['@', '["v=spf1 mx -all",""]']);
  });
});

describe('what cannot be right', () => {
  /** What kubectl says when the objects are applied. */
  const refusal = async (...objects: readonly object[]): Promise<string> => {
    const said = await apply(objects).catch((error: Error) => error.message);
    expect(said).toContain('is invalid');
    return said;
  };

  test('is told by kubectl: each field, and what was wanted', async () => {
    const said = await refusal(zone({ ttl: -1, soaRecord: { serial: 4_294_967_296 } }));
    expect(said).toContain('spec.ttl: Invalid value: -1');
    expect(said).toContain('spec.soaRecord.serial: Invalid value: 4294967296');
  });

  test.each<[string, object, string]>([
    [
      'two sources of content',
      { zoneFile: '@ IN NS ns', zoneFileFrom: { configMapKeyRef: { name: 'a', key: 'b' } } },
      'spec.zoneFileFrom: Forbidden: want only one of zoneFile and zoneFileFrom, got both',
    ],
    [
      'content in a secondary zone',
      { type: 'secondary', zoneFile: '@ IN NS ns' },
      'spec.zoneFile: Forbidden: want none in a secondary zone',
    ],
    [
      'updates of a secondary zone',
      { type: 'secondary', updates: { allow: ['key'] } },
      'spec.updates: Forbidden: want none in a secondary zone',
    ],
    [
      'a selector without values',
      { instanceSelector: { matchExpressions: [{ key: 'region', operator: 'In' }] } },
      'spec.instanceSelector.matchExpressions[0].values: Invalid value: want values for In and NotIn',
    ],
    [
      'a selector with values too many',
      {
        recordsFrom: [
          { selector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } },
        ],
      },
      'spec.recordsFrom[0].selector.matchExpressions[0].values: Invalid value',
    ],
    [
      'a name server at no address',
      { nameServers: [{ hostname: 'ns1', ipv4Address: '192.0.2.256' }] },
      'spec.nameServers[0].ipv4Address: Invalid value: "192.0.2.256"',
    ],
  ])('%s', async (_, spec, told) => {
    expect(await refusal(zone(spec))).toContain(told);
  });

  test('a record without any address', async () => {
    const record = (kind: string, spec: object) => ({
      apiVersion: 'bindy.firestoned.io/v1alpha1',
      kind,
      metadata: { name: 'it', namespace },
      spec: { name: 'www', ...spec },
    });
    expect(await refusal(record('ARecord', { ipv4Addresses: [] }))).toContain(
      'spec.ipv4Addresses: Required value: want at least one address',
    );
    expect(await refusal(record('AAAARecord', {}))).toContain('spec.ipv6Addresses: Required value');
    expect(await refusal(record('AAAARecord', { ipv6Address: '192.0.2.1' }))).toContain(
      'spec.ipv6Address: Invalid value: "192.0.2.1"',
    );
  });

  test('a slip of the finger in the name of a field', async () => {
    const said = await apply([zone({ tll: 5 })]).catch((error: Error) => error.message);
    expect(said).toContain('unknown field "spec.tll"');
  });
});

describe('the install', () => {
  test('applies with kubectl as a whole, and changes nothing the second time', async () => {
    const all = installOf(['crds', 'rbac', 'policy'], { ...defaultInstallation, namespace });
    await plane().kubectl(['apply', '-f', '-'], manifestText(all));
    const again = await plane().kubectl(['apply', '-f', '-'], manifestText(all));
    expect(again.trimEnd().split('\n')).toHaveLength(all.length);
    for (const line of again.trimEnd().split('\n')) expect(line).toMatch(/ unchanged$/);
  });

  test('stands in config/ for kustomize too, for any namespace', async () => {
    const overlay = join(plane().folder, namespace);
    mkdirSync(overlay);
    const base = relative(realpathSync(overlay), join(root, 'config'));
    const text = `namespace: ${namespace}\nresources: [${base}]\n`;
    writeFileSync(join(overlay, 'kustomization.yaml'), text);
    const built = parseAllDocuments(await plane().kubectl(['kustomize', overlay]));
    const wanted = installOf(['crds', 'rbac'], { ...defaultInstallation, namespace });
    expect(byName(built.map((each) => each.toJS()))).toEqual(byName(wanted));
    const policy = await plane().kubectl(['apply', '-k', join(root, 'config/policy')]);
    expect(policy).toMatch(/own-lease-of-bind9-agent (created|unchanged)\n/);
  });
});

const byName = (objects: readonly unknown[]): Map<string, unknown> =>
  new Map(
    objects.map((object) => {
      const { kind, metadata } = object as KubernetesObject;
      return [`${kind} ${metadata.name}`, JSON.parse(JSON.stringify(object))];
    }),
  );

const root = resolve(import.meta.dirname, '../..');
