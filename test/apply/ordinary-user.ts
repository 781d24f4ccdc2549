import { chownSync } from 'node:fs';

/** `nobody`, on every system that we run on. */
const ordinary = 65_534;

/** Does something as a user whom permissions hold back. Root is somebody else for that time, whose the folder then is. */
export async function asOrdinaryUser<T>(folder: string, work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  chownSync(folder, ordinary, ordinary);
  process.seteuid?.(ordinary);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}
