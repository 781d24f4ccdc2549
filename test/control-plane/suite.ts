import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import type { ControlPlane } from './control-plane.ts';
import './global-setup.ts';
import { type ControlPlaneOptions, startControlPlane } from './start.ts';

/**
 * A control plane for all tests of the file that calls this. Where it cannot be had, they are left out with the reason.
 * `setUp` runs once when it is up.
 */
export function useControlPlane(
  options: ControlPlaneOptions = {},
  setUp?: (plane: ControlPlane) => Promise<void>,
): () => ControlPlane {
  const { servers, withControllerManager } = inject('controlPlane');
  const binaries = options.controllerManager === true ? withControllerManager : servers;
  let plane: ControlPlane | undefined;

  beforeAll(async () => {
    if (!binaries.ok) return;
    plane = await startControlPlane({ ...options, binaries });
    await setUp?.(plane);
  }, 120_000);

  beforeEach(({ skip }) => {
    if (!binaries.ok) skip(binaries.why);
  });

  afterAll(async () => {
    await plane?.stop();
  });

  return () => {
    if (plane === undefined) throw new Error('the control plane is up within tests only');
    return plane;
  };
}
