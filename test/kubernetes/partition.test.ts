import { afterAll, afterEach, expect, test } from 'vitest';
import { useControlPlane } from '../control-plane/suite.ts';
import { openWire, type Wire } from '../control-plane/wire.ts';
import { type Rig, startRig } from '../rig/rig.ts';
import { untilEqual } from '../rig/until.ts';
import { installCrds } from './install.ts';

const zone = 'example.com';
const patience = { withinMs: 30_000 };

/** From secondary-0 to the API server; the other pods have their own way. */
let wire: Wire;
let rig: Rig;

useControlPlane({ controllerManager: true }, async (opened) => {
  await installCrds(opened);
  wire = await openWire(Number(new URL(opened.server).port));
  rig = await startRig({
    plane: opened,
    agent: 'bundle',
    settings: {
      'lease.renewSeconds': '1',
      'lease.durationSeconds': '4',
      'lease.graceSeconds': '60',
    },
    settingsOf: (pod): Readonly<Record<string, string>> =>
      pod === 'secondary-0' ? { 'kubernetes.server': `https://127.0.0.1:${wire.port}` } : {},
  });
  await rig.zone(zone, { www: '192.0.2.1' });
});

afterAll(async () => {
  await rig?.close();
  await wire?.close();
});

afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.error(rig.tails(30));
});

interface Status {
  readonly serial?: number;
  readonly transfers?: readonly { readonly pod: string; readonly serial?: number }[];
}

/** The serial of this pod's copy, and that of the zone, as the status has them. */
async function told(pod: string): Promise<readonly unknown[]> {
  const { serial, transfers = [] } = ((await rig.home.status('example-com')) ?? {}) as Status;
  return [transfers.find((each) => each.pod === pod)?.serial, serial];
}

async function livenessOf(pod: string): Promise<string | undefined> {
  const { body = '{}' } = (await rig.pod('primary-0').get('/peers')) ?? {};
  const { peers = [] } = JSON.parse(body) as {
    readonly peers?: readonly { readonly pod: string; readonly liveness: string }[];
  };
  return peers.find((peer) => peer.pod === pod)?.liveness;
}

test('a pod that alone has lost the API server is silent, stays ready, and still gets each change', async () => {
  const cutOff = rig.pod('secondary-0');
  await rig.served(new Map([[zone, undefined]]));
  await wire.cut();
  await untilEqual(() => livenessOf('secondary-0'), 'silent', patience);
  await rig.host(zone, 'www', '192.0.2.2');
  for (const pod of rig.pods.keys())
    await untilEqual(() => rig.data(pod, `www.${zone}`), ['192.0.2.2'], patience);
  expect((await cutOff.get('/readyz'))?.status).toBe(200);
  await wire.mend();
  await untilEqual(() => livenessOf('secondary-0'), 'live', patience);
  const serial = await rig.agreed(zone);
  await untilEqual(() => told('secondary-0'), [serial, serial], patience);
}, 120_000);
