import type { Context } from '../context.ts';
import { type InstallPart, installOf } from '../install/install.ts';
import { manifestText } from '../install/manifest.ts';
import type { Installation } from '../install/rbac.ts';

/** Prints what a cluster needs before agents can run in it, for `kubectl apply -f -`. Returns the exit code. */
export async function manifests(
  parts: readonly InstallPart[],
  installation: Installation,
  context: Pick<Context, 'print'>,
): Promise<number> {
  await context.print(manifestText(installOf(parts, installation)));
  return 0;
}
