import { join } from 'node:path';
import { type Clock, timestamp } from '../clock.ts';
import { makeFolder, publish, readIfPresent, remove } from '../files.ts';
import type { Registration } from '../plan/registration.ts';
import type { RegistrationPlace } from './own-registration.ts';
import { parseRegistration, showRegistration } from './registration-file.ts';
import { safeName } from './safe-name.ts';

/** A folder in which each pod has a file, as the place of this pod's registration. */
export function registrationInFolder(folder: string, clock: Pick<Clock, 'now'>): RegistrationPlace {
  const pathOf = ({ pod }: Registration): string => join(folder, `${safeName(pod)}.json`);
  const holder = (registration: Registration) => readUid(pathOf(registration));
  return {
    holder,
    publish: async (registration, takeOver) => {
      const found = takeOver ? undefined : await holder(registration);
      if (found !== undefined && found !== registration.uid) return found;
      await makeFolder(folder);
      const text = showRegistration({ registration, renewTime: timestamp(clock.now()) });
      await publish(pathOf(registration), text, { fsync: false });
      return undefined;
    },
    remove: async (registration) => {
      if ((await holder(registration)) === registration.uid) await remove(pathOf(registration));
    },
  };
}

/** Undefined where there is no file, or nothing that is a registration. */
async function readUid(path: string): Promise<string | undefined> {
  const text = await readIfPresent(path);
  const found = text === undefined ? undefined : parseRegistration(text);
  return found?.ok === true ? found.value.registration.uid : undefined;
}
