import { createSecretKey } from 'node:crypto';
import { join } from 'node:path';
import { parseKeyFile, renderKey, type TsigKey } from '../dns/tsig-key.ts';
import { FileError, makeFolder, publish, readIfPresent } from '../files.ts';

/** A key and the file that holds it, in named.conf's syntax: what rndc and nsupdate take with `-k`. */
export interface SecretKey {
  readonly key: TsigKey;
  readonly path: string;
}

/** The keys that never leave the pod. */
export interface PodSecrets {
  /** For named's control channel. */
  readonly control: SecretKey;
  /** For updates and checks over loopback. */
  readonly local: SecretKey;
  /** Keys that were there but not usable, and why: a named that was configured before has the old ones. */
  readonly replaced: readonly string[];
}

export const CONTROL_KEY = 'bind9-agent-control';
export const LOCAL_KEY = 'bind9-agent-local';

const FOLDER = 'keys';
const SECRET_BYTES = 32;
/** named reads keys from its configuration, not from here; nobody else needs them. */
const MODE = 0o600;

/**
 * Reads the pod's own keys from its state folder; makes those that are missing or unusable. Throws a FileError when one
 * cannot be written.
 *
 * @param random gives so many random bytes
 */
export async function openPodSecrets(
  folder: string,
  random: (size: number) => Buffer,
): Promise<PodSecrets> {
  const keys = join(folder, FOLDER);
  await makeFolder(keys, 0o700);
  const replaced: string[] = [];
  const open = async (name: string): Promise<SecretKey> => {
    const path = join(keys, `${name}.key`);
    const found = await readKey(path, name);
    if (typeof found === 'object') return { key: found, path };
    if (found !== undefined) replaced.push(`${path} was replaced: ${found}`);
    const secret = createSecretKey(random(SECRET_BYTES));
    const key: TsigKey = { name, algorithm: 'hmac-sha256', secret };
    await publish(path, renderKey(key), { mode: MODE });
    return { key, path };
  };
  const control = await open(CONTROL_KEY);
  const local = await open(LOCAL_KEY);
  return { control, local, replaced };
}

/** The key; why there is none to use; or undefined where there is no file. Never a part of the secret. */
async function readKey(path: string, name: string): Promise<TsigKey | string | undefined> {
  try {
    const text = await readIfPresent(path);
    if (text === undefined) return undefined;
    const parsed = parseKeyFile(text);
    if (!parsed.ok) return 'it does not hold a key';
    return parsed.value.find((key) => key.name === name) ?? `it does not hold the key "${name}"`;
  } catch (error) {
    if (error instanceof FileError) return error.message;
    throw error;
  }
}
