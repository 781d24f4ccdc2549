import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { injectStream } from '../../agent/inject/manifest-stream.ts';
import { folder, objectsIn, settings, shapes, templateOf, textOf } from './shapes.ts';

const injected = (text: string, more: Partial<typeof settings> = {}) =>
  injectStream(text, { ...settings, ...more });

describe.each(shapes)('%s', (shape) => {
  const before = textOf(shape);
  const { text, outcomes, problems } = injected(before);

  test('gets the agent in this way', async () => {
    expect(problems).toEqual([]);
    expect(outcomes.filter(({ kind }) => kind === 'refused')).toEqual([]);
    expect(outcomes.some(({ kind }) => kind === 'patch')).toBe(true);
    await expect(text).toMatchFileSnapshot(join(folder, `${shape}.injected.yaml`));
  });

  test('is the same when it is done again', () => {
    expect(injected(text).text).toBe(text);
  });

  test('is with another image what it would have been with that at first', () => {
    const upgrade = { image: 'bind9-agent:2.0.0', options: new Map([['http.port', '8056']]) };
    const upgraded = injected(text, upgrade).text;
    expect(objectsIn(upgraded)).toEqual(objectsIn(injected(before, upgrade).text));
    expect(upgraded).not.toContain('1.2.3');
  });

  test('keeps every comment, and every line that is not part of a field that changes', () => {
    const lines = new Set(text.split('\n'));
    const gone = before.split('\n').filter((line) => !lines.has(line));
    const changes =
      /args:|command:|^ +- (-g|\/etc\/bind\/named\.conf)$|GracePeriod|securityContext: \{ runAs/;
    expect(gone.filter((line) => !changes.test(line))).toEqual([]);
    for (const comment of before.match(/# .*/g) ?? []) expect(text).toContain(comment);
  });
});

test('containers other than named stay as they are', () => {
  for (const shape of shapes) {
    const after = objectsIn(injected(textOf(shape)).text);
    for (const [index, object] of objectsIn(textOf(shape)).entries()) {
      const all = templateOf(object)?.spec.containers ?? [];
      const others = all.filter(({ name }) => ['api', 'exporter'].includes(String(name)));
      const now = after[index];
      const kept = now === undefined ? undefined : templateOf(now)?.spec.containers;
      expect(kept ?? []).toEqual(expect.arrayContaining(others));
    }
  }
});
