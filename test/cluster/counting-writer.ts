import { randomUUID } from 'node:crypto';
import { systemClock } from '../../agent/clock.ts';
import { DirectoryStatus } from '../../agent/observe/directory-status.ts';
import type { ObjectKey } from '../../agent/resources/types.ts';
import { injectFault } from './fault.ts';

/**
 * Raises a zone's allocated serial by one, again and again, and prints each serial that it wrote:
 * `counting-writer.ts <status folder> <pod> <zone> <updates> [fault]`.
 */
const [folder = '', pod = '', zone = '', updates = '1', fault] = process.argv.slice(2);
const status = new DirectoryStatus({
  folder,
  clock: systemClock,
  newId: randomUUID,
  rescanMs: 30_000,
  changed: () => undefined,
});
const key = zone as ObjectKey;
await status.start();
while (!status.synced) await systemClock.sleep(1);
if (fault !== undefined) injectFault(fault);
for (let written = 0; written < Number(updates); ) {
  const known = status.statuses.get(key);
  const serial = (known?.allocated?.serial ?? 0) + 1;
  const allocated = {
    serial,
    contentHash: `sha256:${'0'.repeat(64)}`,
    by: pod,
    view: { manifests: 1 },
  };
  const { kind } = await status.agree(key, known?.version, { allocated });
  process.stdout.write(`${kind} ${serial}\n`);
  if (kind === 'written') written++;
}
await status.stop();
