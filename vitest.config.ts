import { defineConfig } from 'vitest/config';
import { tallyReporter } from './test/tally.ts';

/** Areas without named: their files run side by side. */
const sideBySide = 'test/{dns,options,plan,report,resources,tooling,webhook}/**/*.test.ts';

/** Areas that need an API server: its binaries are made ready before the first of them. */
const onControlPlane = 'test/{control-plane,kubernetes}/**/*.test.ts';

/** In real containers: images are built, and composed. */
const inContainers = 'test/images/**/*.test.ts';

/** On a real node, which takes images and much of the machine. */
const onNode = 'test/node/**/*.test.ts';

/**
 * Real servers, a dozen at a time, on a machine that may have two cores: a test that fails is tried once more. vitest tells
 * which were.
 */
const retry = 1;

const tallyFile = process.env['TEST_TALLY'];

export default defineConfig({
  test: {
    pool: 'forks',
    reporters: ['default', ...(tallyFile === undefined ? [] : [tallyReporter(tallyFile)])],
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: [sideBySide],
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'pods',
          include: ['test/**/*.test.ts'],
          exclude: [sideBySide, onControlPlane, inContainers, onNode],
          maxWorkers: 2,
          retry,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'kubernetes',
          include: [onControlPlane],
          globalSetup: 'test/control-plane/global-setup.ts',
          // They wait most of the time, each for an API server of its own.
          maxWorkers: 3,
          retry,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'images',
          include: [inContainers],
          globalSetup: 'test/containers/global-setup.ts',
          fileParallelism: false,
          retry,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        extends: true,
        test: {
          name: 'node',
          include: [onNode],
          globalSetup: 'test/node/global-setup.ts',
          fileParallelism: false,
          retry,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
