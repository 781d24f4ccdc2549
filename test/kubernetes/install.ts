import { defaultInstallation, installOf } from '../../agent/install/install.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';

/** Applies the CRDs as a user would, and waits until the API server serves them. */
export async function installCrds(plane: ControlPlane): Promise<void> {
  const crds = installOf(['crds'], defaultInstallation);
  await plane.kubectl(['apply', '-f', '-'], manifestText(crds));
  const names = crds.map(({ metadata }) => `crd/${metadata.name}`);
  await plane.kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...names]);
}
