import { readFileSync } from 'node:fs';

/** Put in by the build; not there when the sources are run as they are. */
declare const BUNDLED_VERSION: string | undefined;

/** The agent's version, from package.json. */
export function agentVersion(): string {
  if (typeof BUNDLED_VERSION === 'string') return BUNDLED_VERSION;
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}
