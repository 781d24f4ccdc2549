import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { useControlPlane } from '../control-plane/suite.ts';
import { installCrds } from './install.ts';

const plane = useControlPlane({}, installCrds);
const config = resolve(import.meta.dirname, '..', '..', 'config');

const bases = ['.', ...(readdirSync(config, { recursive: true }) as string[])]
  .filter((folder) => existsSync(join(config, folder, 'kustomization.yaml')))
  .sort();

test.each(bases)('config/%s builds, and an API server takes what comes out of it', async (base) => {
  const all = await plane().kubectl(['kustomize', join(config, base)]);
  // Of a program that is not here.
  const built = all
    .split(/^---$/m)
    .filter((object) => !/^apiVersion: cert-manager\.io/m.test(object))
    .join('---');
  const namespaces = new Set([...built.matchAll(/^ +namespace: (\S+)$/gm)].map(([, name]) => name));
  for (const name of namespaces) {
    const namespace = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    await plane().kubectl(['apply', '-f', '-'], namespace);
  }
  const apply = ['apply', '--dry-run=server', '--validate=strict', '-f', '-'];
  expect(await plane().kubectl(apply, built)).not.toBe('');
});
