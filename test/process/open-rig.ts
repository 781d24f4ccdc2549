import { afterAll, afterEach, beforeAll } from 'vitest';
import { makeRig, type Rig, type RigOptions } from '../rig/rig.ts';

/**
 * One rig for all tests of a file, its agents as a bundle; with them it is gone. When a test fails, the ends of all logs
 * are told.
 *
 * @param prepare what comes before the first test
 */
export function openRig(
  options: RigOptions,
  prepare: (rig: Rig) => Promise<void> | void = startAll,
): () => Rig {
  let rig: Rig | undefined;
  beforeAll(async () => {
    rig = await makeRig({ agent: 'bundle', ...options });
    try {
      await prepare(rig);
    } catch (error) {
      console.error(rig.tails(30));
      throw error;
    }
  });
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') console.error(rig?.tails(30));
  });
  afterAll(() => rig?.close());
  return () => {
    if (rig === undefined) throw new Error('the rig is there in tests only');
    return rig;
  };
}

async function startAll(rig: Rig): Promise<void> {
  await rig.start();
  await rig.ready();
}
