import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { inject } from '../../agent/inject/inject.ts';
import { defaultSettings } from '../../agent/inject/settings.ts';
import { patched } from '../../agent/inject/workload.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { openPlaces, type Place } from '../rig/addresses.ts';
import { agentProgram } from '../rig/bundle.ts';
import { tail } from '../rig/child.ts';
import { withEye } from '../rig/dns.ts';
import type { Home } from '../rig/home.ts';
import { writeKey } from '../rig/keys.ts';
import { kubernetesHome } from '../rig/kubernetes-home.ts';
import { openLedger } from '../rig/ledger.ts';
import { zoneManifest } from '../rig/manifests.ts';
import { claimPort } from '../rig/ports.ts';
import { until, untilEqual } from '../rig/until.ts';
import { installCrds } from './install.ts';
import { RunningPod, type StoredPod } from './kubelet.ts';

const plane = useControlPlane({}, installCrds);
const ledger = openLedger();
afterAll(() => ledger.sweep());

const patience = { withinMs: 30_000 };

/** The template, injected, as the API server stores a pod of it. */
async function stored(
  template: object,
  name: string,
  place: Place,
  namespace: string,
): Promise<StoredPod> {
  const options = new Map([
    ['http.address', place.address],
    ['http.port', String(await claimPort())],
    ['named.controlAddress', place.address],
    ['named.controlPort', String(await claimPort())],
    ['named.statisticsPort', String(await claimPort())],
    ['dns.port', String(place.dnsPort)],
    ['dns.listenOn', place.address],
  ]);
  const key = { secret: 'keys', file: 'cluster.key' };
  const injection = inject(template, { ...defaultSettings, image: 'bind9-agent', key, options });
  if (injection.kind !== 'patch') throw new Error(JSON.stringify(injection));
  const { metadata, ...rest } = patched(template, injection.patch) as { metadata: object };
  const object = { ...rest, metadata: { ...metadata, name } };
  const answer = await plane().request('POST', `/api/v1/namespaces/${namespace}/pods`, object);
  if (answer.code !== 201) throw new Error(JSON.stringify(answer.body));
  return answer.body as StoredPod;
}

const own = {
  metadata: { labels: { instance: 'primary', role: 'primary', cluster: 'production' } },
  spec: {
    automountServiceAccountToken: false,
    containers: [{ name: 'named', image: 'internetsystemsconsortium/bind9:9.18' }],
  },
};

/** `-g`, and a configuration that takes zones by another's commands, as those of Bindy do. */
const adopted = {
  metadata: { labels: { instance: 'secondary', role: 'secondary', cluster: 'production' } },
  spec: {
    automountServiceAccountToken: false,
    containers: [
      {
        name: 'named',
        image: 'internetsystemsconsortium/bind9:9.18',
        args: ['-g', '-c', '/etc/bind/named.conf'],
        volumeMounts: [
          { name: 'conf', mountPath: '/etc/bind' },
          { name: 'cache', mountPath: '/var/cache/bind' },
        ],
      },
    ],
    volumes: [
      { name: 'conf', configMap: { name: 'conf' } },
      { name: 'cache', emptyDir: {} },
    ],
  },
};

const mine =
  '$TTL 300\n@ SOA ns1 admin 77 3600 600 604800 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.77\n';

interface Story {
  readonly home: Home;
  readonly places: Readonly<Record<'primary' | 'secondary', Place>>;
  readonly pods: Readonly<Record<'primary' | 'secondary', RunningPod>>;
}

async function makePods(): Promise<Story> {
  const home = await kubernetesHome(plane());
  const { namespace } = home;
  const spots = await openPlaces(ledger);
  const places = { primary: await spots.take(), secondary: await spots.take() };
  chmodSync(ledger.folder, 0o755);
  const agent = await agentProgram('source');
  const rndcPort = await claimPort();
  const make = async (template: object, role: keyof typeof places): Promise<RunningPod> => {
    const place = places[role];
    const pod = await stored(template, `${role}-0`, place, namespace);
    const root = join(ledger.folder, pod.metadata.name, 'volumes');
    const conf = `options { directory "${root}/cache"; recursion no; allow-new-zones yes;
  listen-on port ${place.dnsPort} { ${place.address}; }; listen-on-v6 { none; };
  transfer-source ${place.address}; notify-source ${place.address}; };
key "operator" { algorithm hmac-sha256; secret "c2VjcmV0"; };
controls { inet ${place.address} port ${rndcPort} allow { any; } keys { "operator"; }; };
zone "mine.example" { type primary; file "${root}/conf/mine"; };\n`;
    return new RunningPod(pod, place.address, {
      plane: plane(),
      ledger,
      namespace,
      entryPoints: { 'bind9-agent': agent },
      files: {
        keys: { 'cluster.key': key },
        conf: { 'named.conf': conf, mine },
        'kube-root-ca.crt': { 'ca.crt': readFileSync(plane().caFile, 'utf8') },
      },
    });
  };
  const key = readFileSync(writeKey(ledger.folder, 'cluster'), 'utf8');
  return {
    home,
    places,
    pods: { primary: await make(own, 'primary'), secondary: await make(adopted, 'secondary') },
  };
}

test('injected pods start in order, serve and transfer, and keep what the user had', async () => {
  const { home, places, pods } = await makePods();
  const data = (pod: keyof typeof places, name: string) =>
    withEye(places[pod], (eye) => eye.data(name, 'A'));
  await home.put(
    'zone',
    zoneManifest({ zone: 'ours.example', cluster: 'production', hosts: { www: '192.0.2.1' } }),
  );
  try {
    await Promise.all([pods.primary.start(), pods.secondary.start()]);
    // named's own start-up has waited for that.
    expect(await data('primary', 'www.ours.example')).toEqual(['192.0.2.1']);
    // A secondary does not wait for a primary that is not there, as this one was when both started.
    await untilEqual(() => data('secondary', 'www.ours.example'), ['192.0.2.1'], patience);
    expect(await data('secondary', 'www.mine.example')).toEqual(['192.0.2.77']);
    const log = () => readFileSync(pods.secondary.logOf('named'), 'utf8');
    expect(log()).toContain('starting BIND');
    // Added zones are where somebody else may have added some before.
    expect(existsSync(join(pods.secondary.folderOf('cache'), '_default.nzd'))).toBe(true);
    await home.put(
      'zone',
      zoneManifest({ zone: 'ours.example', cluster: 'production', hosts: { www: '192.0.2.2' } }),
    );
    await untilEqual(() => data('secondary', 'www.ours.example'), ['192.0.2.2'], patience);
    await until(() => log().includes("transfer of 'ours.example/IN'"), patience);
  } catch (error) {
    const tails = Object.values(pods).flatMap((pod) =>
      ['bind9-agent', 'named'].map((name) => tail(pod.logOf(name))),
    );
    throw new Error([String(error), ...tails].join('\n---\n'));
  } finally {
    await Promise.all([pods.primary.stop(), pods.secondary.stop()]);
  }
});
