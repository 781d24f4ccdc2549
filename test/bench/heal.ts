import { setTimeout as sleep } from 'node:timers/promises';
import { serialsAt, untilAnswered, untilServed } from '../rig/sweep.ts';
import { addressOfRun, type Contestant, type Server, tenthOf } from './contestant.ts';
import { type LoadReport, startLoad } from './load.ts';
import { untilRefreshed } from './refreshed.ts';

export interface Healed {
  readonly ms: number;
  /** What clients of the other servers saw meanwhile. */
  readonly load: LoadReport;
}

/** One story of one run, told with either contestant. */
export type Story = (contestant: Contestant, run: number) => Promise<Healed>;

/**
 * A secondary is killed, a tenth of the zones changes, it returns: from its start until it serves every zone at the
 * primary's serial.
 */
export const healSecondary =
  (wiped: boolean): Story =>
  async ({ zones, primary, secondaries, change }, run) => {
    const [back, ...others] = secondaries;
    if (back === undefined) throw new Error('there is no secondary');
    const survivors = [primary, ...others];
    await back.kill();
    const changed = tenthOf(zones, run);
    await change(changed, addressOfRun(run));
    await untilChanged(survivors, changed, run);
    const wanted = await serialsAt(primary.place, zones);
    await back.relocate({ wiped });
    const healed = await underLoad(survivors, zones, async () => {
      await Promise.all([back.start(), untilServed(back.place, wanted, { everyMs: 5 })]);
    });
    await untilChanged([back], changed, run);
    return healed;
  };

/**
 * The primary is killed, a tenth of the zones changes, it returns on another address: from its start until both
 * secondaries serve the changes and have refreshed every other zone from it.
 */
export const healPrimary: Story = async ({ zones, primary, secondaries, change }, run) => {
  await primary.kill();
  const changed = tenthOf(zones, run);
  await change(changed, addressOfRun(run));
  await primary.relocate({ wiped: false });
  // Statistics tell whole seconds: what was refreshed before the primary went must not look like refreshed after.
  await sleep(2000 - (Date.now() % 1000));
  const since = Date.now();
  const healed = await underLoad(secondaries, zones, async () => {
    const seen = secondaries.map(async (secondary) => {
      await untilChanged([secondary], changed, run);
      await untilRefreshed(secondary.statisticsUrl, zones, since);
    });
    // The operator (of the baseline) may have more to do, but from here on the clients are served.
    const started = primary.start();
    await Promise.race([Promise.all(seen), started.then(() => Promise.all(seen))]);
  });
  await untilAllAgree(primary, secondaries, zones);
  return healed;
};

async function underLoad(
  survivors: readonly Server[],
  zones: readonly string[],
  work: () => Promise<void>,
): Promise<Healed> {
  const stopLoad = startLoad(
    survivors.map(({ place }) => place),
    zones,
  );
  try {
    const start = performance.now();
    await work();
    const ms = performance.now() - start;
    return { ms, load: await stopLoad() };
  } finally {
    await stopLoad();
  }
}

async function untilChanged(
  servers: readonly Server[],
  zones: readonly string[],
  run: number,
): Promise<void> {
  const wanted = new Map(zones.map((zone) => [`www.${zone}`, addressOfRun(run)]));
  await Promise.all(servers.map(({ place }) => untilAnswered(place, wanted)));
}

async function untilAllAgree(
  primary: Server,
  secondaries: readonly Server[],
  zones: readonly string[],
): Promise<void> {
  const wanted = await serialsAt(primary.place, zones);
  await Promise.all(secondaries.map(({ place }) => untilServed(place, wanted)));
}
