// Takes the lock of a folder and holds it until it is killed; says how that went.
import { lockFolder } from '../../agent/apply/lock.ts';
import { run } from '../../agent/process.ts';

const [, , folder = ''] = process.argv;
const { pid } = process;
const locked = await lockFolder(folder, { run, pid, host: 'a-pod', now: Date.now });
process.stdout.write(`${locked.ok ? `locked by ${pid}` : locked.why}\n`);
// As an agent would: busy with something else, and the lock's own object long forgotten.
if (locked.ok) setInterval(() => (globalThis.gc as (() => void) | undefined)?.(), 5);
