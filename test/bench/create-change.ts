import { setTimeout as sleep } from 'node:timers/promises';
import { hostManifest } from '../rig/manifests.ts';
import { untilAnswered } from '../rig/sweep.ts';
import type { AgentCluster } from './agent-cluster.ts';
import { addressOfRun, timers } from './contestant.ts';
import type { Measured } from './figures.ts';
import { untilTold } from './told.ts';

// A zone gets at most one new serial a second, and a change of a cluster at rest is what is measured.
const restMs = 1500;

/** Milliseconds from the write of one new zone until every pod answers for it, in a cluster that has told all it has to tell. */
export async function create(cluster: AgentCluster, runs: number): Promise<Measured> {
  const { plane } = cluster;
  if (plane !== undefined) await untilTold({ ...cluster, plane }, 'before the first');
  const values: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    await sleep(restMs);
    const zone = `created-${run}.example`;
    values.push(
      await served(cluster, `www.${zone}`, addressOfRun(run), () =>
        cluster.rig.zone(zone, { www: addressOfRun(run) }, { soaRecord: timers }),
      ),
    );
  }
  return { unit: 'ms', values };
}

/** Milliseconds from the write of one record, in a zone of that many, until every pod answers it. */
export async function change(
  cluster: AgentCluster,
  runs: number,
  records: number,
): Promise<Measured> {
  const zone = 'changing.example';
  await writeLargeZone(cluster, zone, records);
  const name = `www.${zone}`;
  const write = (address: string) => (): Promise<void> => cluster.rig.host(zone, 'www', address);
  await served(cluster, name, '192.0.2.1', write('192.0.2.1'));
  const values: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    await sleep(restMs);
    values.push(await served(cluster, name, addressOfRun(run), write(addressOfRun(run))));
  }
  return { unit: 'ms', values, extras: { records } };
}

async function served(
  { rig }: AgentCluster,
  name: string,
  address: string,
  write: () => Promise<void>,
): Promise<number> {
  const start = performance.now();
  await write();
  const wanted = new Map([[name, address]]);
  const places = [...rig.pods.values()].map(({ place }) => place);
  await Promise.all(places.map((place) => untilAnswered(place, wanted, { everyMs: 2 })));
  return performance.now() - start;
}

const perFile = 500;

/** Many records as people have them: an object each, some hundreds in a file; the one that changes has its own file. */
async function writeLargeZone({ rig }: AgentCluster, zone: string, records: number): Promise<void> {
  for (let first = 1; first < records; first += perFile) {
    const count = Math.min(perFile, records - first);
    const hosts = Array.from({ length: count }, (_, offset) => {
      const index = first + offset;
      const address = `10.${index >> 16}.${(index >> 8) & 0xff}.${index & 0xff}`;
      return hostManifest(zone, `host-${index}`, address);
    });
    await rig.manifest(`changing-records-${first}`, hosts.join('---\n'));
  }
  await rig.zone(zone, {}, { soaRecord: timers });
}
