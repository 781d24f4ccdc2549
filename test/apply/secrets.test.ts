import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPodSecrets, type PodSecrets } from '../../agent/apply/secrets.ts';
import { renderKey } from '../../agent/dns/tsig-key.ts';
import { run } from '../../agent/process.ts';
import { asOrdinaryUser } from './ordinary-user.ts';

/** With the secrets in sight: keys without them are all alike to `toEqual`. */
const shown = ({ control, local, replaced }: PodSecrets) => ({
  control: [control.path, renderKey(control.key)],
  local: [local.path, renderKey(local.key)],
  replaced,
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the pod's own keys", () => {
  test('are made once, for their owner alone, and used from then on', async () => {
    const first = await openPodSecrets(folder, randomBytes);
    const second = await openPodSecrets(folder, randomBytes);
    expect(shown(second)).toEqual(shown(first));
    expect(first.replaced).toEqual([]);
    expect(first.control.key.secret.equals(first.local.key.secret)).toBe(false);
    expect(first.control.key.secret.symmetricKeySize).toBe(32);
    for (const { path } of [first.control, first.local]) {
      expect(statSync(path).mode & 0o777).toBe(0o600);
    }
    expect(readdirSync(dirname(first.control.path))).toHaveLength(2);
  });

  test('are taken by the tools of BIND', async () => {
    const { control } = await openPodSecrets(folder, randomBytes);
    expect(await run('named-checkconf', [control.path], { timeoutMs: 5000 })).toMatchObject({
      ok: true,
      stderr: '',
    });
  });

  test.each([
    ['cut short', 'key "bind9-agent-control" {\n\talgorithm hm'],
    ['empty', ''],
    ['of another name', 'key "other" { algorithm hmac-sha256; secret "c2VjcmV0"; };'],
  ])('are replaced where one is %s, and that is told without it', async (_, text) => {
    const first = await openPodSecrets(folder, randomBytes);
    writeFileSync(first.control.path, text);
    const second = await openPodSecrets(folder, randomBytes);
    expect(second.replaced).toEqual([
      expect.stringMatching(`^${first.control.path} was replaced: it does not hold `),
    ]);
    expect(second.replaced.join()).not.toContain('c2VjcmV0');
    expect(second.local.key.secret.equals(first.local.key.secret)).toBe(true);
    expect(second.control.key.secret.equals(first.control.key.secret)).toBe(false);
    const third = await openPodSecrets(folder, randomBytes);
    expect(shown(third)).toEqual({ ...shown(second), replaced: [] });
  });

  test('that cannot be written are an error that says where', async () => {
    const { control } = await openPodSecrets(folder, randomBytes);
    rmSync(control.path);
    mkdirSync(join(control.path, 'in-the-way'), { recursive: true });
    await expect(openPodSecrets(folder, randomBytes)).rejects.toThrow(
      `cannot write ${control.path}`,
    );
  });

  test('that cannot be read are replaced', async () => {
    const { replaced } = await asOrdinaryUser(folder, async () => {
      const { local } = await openPodSecrets(folder, randomBytes);
      chmodSync(local.path, 0);
      return openPodSecrets(folder, randomBytes);
    });
    expect(replaced.join()).toContain('permission denied');
  });
});
