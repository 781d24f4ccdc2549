import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import { KubernetesCluster } from '../../agent/observe/kubernetes/kubernetes-cluster.ts';
import { showProblem } from '../../agent/problem.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { allocationOf, registrationOf, reportOf } from '../cluster/contract.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { until, untilEqual } from '../rig/until.ts';
import { type Account, installedRights, openAccount, type Right } from './account.ts';
import { apiAt } from './clusters.ts';
import { installCrds } from './install.ts';

// A server that does not stream lists: there both rights to read are needed.
const plane = useControlPlane({ apiServerArgs: ['--feature-gates=WatchList=false'] }, installCrds);

/** A pod's life at the API server, with all that went wrong in it. */
class Life {
  readonly cluster: KubernetesCluster;
  readonly #account: Account;
  readonly #failed = new Set<string>();
  readonly #ended = new AbortController();

  constructor(account: Account, tokenFile: string) {
    this.#account = account;
    this.cluster = new KubernetesCluster({
      api: apiAt(plane(), { tokenFile }),
      ...account,
      namespaces: [account.namespace],
      lease: { renewSeconds: 1, durationSeconds: 4, graceSeconds: 10 },
      clock: systemClock,
      random: Math.random,
      newId: randomUUID,
      times: { firstPauseMs: 20, longestPauseMs: 200 },
    });
  }

  /** Everything that a user can learn from it. */
  get said(): readonly string[] {
    const { invalid, removalsFrozen = '', stale = '' } = this.cluster.view();
    const told = invalid.flatMap(({ object, problems }) =>
      problems.map((problem) => `${object}: ${showProblem(problem)}`),
    );
    return [...this.#failed, ...told, removalsFrozen, stale].filter((text) => text !== '');
  }

  /** Uses every right. What fails does not hold up what comes after it. */
  async run(): Promise<void> {
    const { cluster } = this;
    const { namespace, pod, podUid } = this.#account;
    const first = objectKey(namespace, 'first');
    const at = (): string | undefined => cluster.view().statuses.get(first)?.version;
    await cluster.start(() => undefined);
    await this.#until(() => cluster.view().synced);
    await this.#attempt(() => cluster.register(registrationOf(pod, { namespace, uid: podUid })));
    await this.#attempt(() => cluster.agree(first, at(), { allocated: allocationOf(7, pod) }));
    await this.#attempt(() => cluster.report(first, at(), reportOf(7)));
    for (const about of [{ kind: 'DNSZone', key: first }, { kind: 'Pod' }] as const)
      cluster.event({ about, type: 'Normal', reason: 'Served', action: 'Serve', note: 'served' });
    // Of a ConfigMap that was not needed when it was listed nothing is kept: it is asked for.
    await create('dnszones', namespace, dnsZone('second', 'other'));
    await this.#until(() => cluster.view().configMaps.has(objectKey(namespace, 'other')));
    await this.#attempt(() => cluster.deregister());
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await this.cluster.stop();
  }

  async #attempt(work: () => Promise<unknown>): Promise<void> {
    if (this.#ended.signal.aborted) return;
    await work().catch((error: unknown) =>
      this.#failed.add(error instanceof Error ? error.message : String(error)),
    );
  }

  #until(reached: () => boolean): Promise<boolean> {
    return until(() => reached() || this.#ended.signal.aborted, { withinMs: 60_000 });
  }
}

const dnsZone = (name: string, configMap: string) => ({
  apiVersion: 'bindy.firestoned.io/v1beta1',
  kind: 'DNSZone',
  metadata: { name },
  spec: {
    zoneName: `${name}.example`,
    zoneFileFrom: { configMapKeyRef: { name: configMap, key: 'zone' } },
  },
});

async function create(
  resource: 'dnszones' | 'configmaps',
  namespace: string,
  object: object,
): Promise<void> {
  const api = resource === 'dnszones' ? '/apis/bindy.firestoned.io/v1beta1' : '/api/v1';
  const path = `${api}/namespaces/${namespace}/${resource}`;
  const { code, body } = await plane().request('POST', path, object);
  expect(code, JSON.stringify(body)).toBe(201);
}

async function openLife(without?: Right): Promise<Life> {
  const account = await openAccount(plane(), without === undefined ? {} : { without });
  const { namespace, token } = account;
  for (const name of ['one', 'other'])
    await create('configmaps', namespace, { metadata: { name }, data: { zone: '' } });
  await create('dnszones', namespace, dnsZone('first', 'one'));
  const tokenFile = join(plane().folder, `${namespace}.token`);
  await writeFile(tokenFile, token);
  const life = new Life(account, tokenFile);
  onTestFinished(() => life.end());
  return life;
}

test('with the rights of the install a pod does all of its work', async () => {
  const life = await openLife();
  await life.run();
  expect(life.said).toEqual([]);
  const { namespace } = [...life.cluster.view().zones.values()][0]?.metadata ?? {};
  const events = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
  await untilEqual(async () => {
    const { items } = (await plane().request('GET', events)).body as {
      readonly items: readonly { readonly regarding: { readonly kind: string } }[];
    };
    return items.map(({ regarding }) => regarding.kind).sort();
  }, ['DNSZone', 'Pod']);
});

test.for(installedRights.map((right) => [`${right.verb} ${right.resource}`, right] as const))(
  'without the right to %s it says so',
  async ([, right]) => {
    const life = await openLife(right);
    const { cluster } = life;
    const running = life.run();
    const lacking = `cannot ${right.verb} resource "${right.resource}"`;
    await until(
      () => {
        // The second time, and the Event is patched.
        if (right.resource === 'events')
          cluster.event({
            about: { kind: 'Pod' },
            type: 'Normal',
            reason: 'Served',
            action: 'Serve',
            note: 'served',
          });
        return life.said.some((text) => text.includes(lacking));
      },
      { what: lacking, everyMs: 50 },
    ).catch((error: unknown) => {
      throw new Error(`${error}; said: ${life.said.join('\n')}`);
    });
    await life.end();
    await running;
  },
);

test.for(['list', 'watch'])(
  'without the right to %s ConfigMaps only zones that refer to one wait: others come, and go',
  async (verb) => {
    const right = installedRights.find(
      (each) => each.verb === verb && each.resource === 'configmaps',
    );
    const { cluster } = await openLife(right);
    await cluster.start(() => undefined);
    await until(() => cluster.view().synced);
    const namespace = [...cluster.view().zones.values()][0]?.metadata.namespace ?? '';
    const plain = { ...dnsZone('plain', ''), spec: { zoneName: 'plain.example' } };
    await create('dnszones', namespace, plain);
    await until(() => cluster.view().zones.size === 2 && cluster.view().synced);
    expect(cluster.view().removalsFrozen).toBeUndefined();
    await until(() => cluster.view().stale?.includes('configmaps'));
  },
);
