import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readCommandLine } from '../../agent/cli.ts';
import { injectCommand } from '../../agent/commands/inject.ts';
import { defaultSettings } from '../../agent/inject/settings.ts';
import { unifiedDiff } from '../../agent/inject/unified-diff.ts';
import { objectsIn, textOf } from './shapes.ts';

interface Asked {
  readonly files?: readonly string[];
  readonly diff?: boolean;
  readonly flags?: readonly [string, unknown][];
}

async function command(texts: Readonly<Record<string, string>>, asked: Asked = {}) {
  let out = '';
  let err = '';
  const { files = Object.keys(texts), diff = false, flags = [] } = asked;
  const code = await injectCommand({ files, diff, settings: defaultSettings }, new Map(flags), {
    version: '1.2.3',
    print: async (text) => {
      out += text;
    },
    complain: (text) => {
      err += text;
    },
    read: async (file) => {
      const text = texts[file];
      if (text === undefined) throw new Error(`${file}: no such file`);
      return text;
    },
  });
  return { code, out, err };
}

const deployment = (name: string, container: string, labels = '{}'): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ${name}}\nspec:\n  template:\n    metadata: {labels: ${labels}}\n    spec:\n      containers:\n      - ${container}\n`;
const named = '{name: named, image: internetsystemsconsortium/bind9}';
const web = '{name: web, image: nginx}';
const other =
  'apiVersion: v1\nkind: ConfigMap   # as it is\nmetadata: {name: c}\ndata: {on: "yes", x: 0777}\n';

describe('the command line of inject', () => {
  const read = (...args: string[]) => {
    let err = '';
    const note = (text: string): void => {
      err += text;
    };
    const terminal = { out: note, err: note, columns: 100, version: '1.2.3' };
    return { line: readCommandLine(['inject', ...args], terminal), told: () => err };
  };

  test('takes files, its own options, and settings for the agents', () => {
    const { line } = read(
      ...['a.yaml', '-', '--diff', '--image=x:1', '--key-secret', 'keys/a.key', '--user=53'],
      ...['--more-key-secret=b/c', '--more-key-secret=d/e', '--guard-zones', '5', '--memory=1Gi'],
    );
    expect(line.ok && line.value).toEqual({
      flags: new Map([['guard.zones', '5']]),
      invocation: {
        command: 'inject',
        files: ['a.yaml', '-'],
        diff: true,
        settings: {
          ...defaultSettings,
          image: 'x:1',
          user: 53,
          memory: '1Gi',
          key: { secret: 'keys', file: 'a.key' },
          moreKeys: [
            { secret: 'b', file: 'c' },
            { secret: 'd', file: 'e' },
          ],
        },
      },
    });
    const { line: bare } = read();
    expect(bare.ok && bare.value.invocation).toEqual({
      command: 'inject',
      files: [],
      diff: false,
      settings: defaultSettings,
    });
  });

  test.each([
    ['--key-secret', 'keys', 'Want SECRET/KEY, as in bind9-keys/cluster.key'],
    ['--user', '0', 'Want a uid from 1'],
    ['--user', 'bind', 'Want a uid from 1'],
  ])('refuses %s %s', (flag, value, told) => {
    const { line, told: said } = read(flag, value);
    expect(line).toEqual({ ok: false, exitCode: 2 });
    expect(said()).toContain(told);
  });
});

describe('bind9-agent inject', () => {
  test('puts agents into the pods of named; all else passes through as it is', async () => {
    const service = deployment('web', web);
    const input = `${other}---\n${service}---\n${deployment('dns', named)}`;
    const { code, out, err } = await command({ '-': input });
    expect(code).toBe(0);
    expect(out.startsWith(`${other}---\n${service}---\n`)).toBe(true);
    expect(out).toContain('image: bind9-agent:1.2.3');
    expect(err).toBe(
      'bind9-agent: Deployment web: left as it is: spec.template.spec.containers: want one that runs named, got web: if one does, tell which by the annotation agent.bindy.firestoned.io/container\n',
    );
  });

  test('prints nothing where one pod cannot have an agent, and says why', async () => {
    const refused = deployment('bad', '{name: named, image: mine, args: [-t, /jail]}');
    const { code, out, err } = await command({
      'a.yaml': `${deployment('dns', named)}---\n${refused}`,
    });
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(
      'Deployment bad: spec.template.spec.containers[0].args: want named without -t, got -t /jail\n',
    );
  });

  test('fails where an agent is asked for, or nothing looks like named', async () => {
    const asked = deployment('web', web, '{agent.bindy.firestoned.io/inject: "true"}');
    expect((await command({ a: `${deployment('dns', named)}---\n${asked}` })).code).toBe(1);
    expect((await command({ a: deployment('web', web) })).code).toBe(1);
    expect(await command({ a: other })).toEqual({ code: 0, out: other, err: '' });
  });

  test('says of a pod that it was left alone by its own wish', async () => {
    const text = deployment('dns', named, '{agent.bindy.firestoned.io/inject: "false"}');
    const { code, out, err } = await command({ a: text });
    expect([code, out]).toEqual([0, text]);
    expect(err).toBe(
      'bind9-agent: Deployment dns: left as it is: agent.bindy.firestoned.io/inject is "false"\n',
    );
  });

  test('tells where a stream is no YAML', async () => {
    const { code, out, err } = await command({ 'a.yaml': `${other}---\nkind: [\n` });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^bind9-agent: a\.yaml: want YAML, got in line \d+, column \d+: /);
    expect(await command({}, { files: ['b.yaml'] })).toEqual({
      code: 1,
      out: '',
      err: 'bind9-agent: b.yaml: no such file\n',
    });
  });

  test('gives every agent the settings that it was given, and refuses those that follow from the pod', async () => {
    const text = deployment('dns', named);
    const { out } = await command({ a: text }, { flags: [['guard.zones', '5']] });
    expect(out).toMatch(/name: BIND9_AGENT_GUARD_ZONES\n +value: "5"\n/);
    const wrong = await command(
      { a: text },
      {
        flags: [
          ['pod.uid', 'x'],
          ['http.port', 'y'],
        ],
      },
    );
    expect([wrong.code, wrong.out]).toEqual([2, '']);
    expect(wrong.err).toMatch(/--pod-uid +want nothing, since it follows from the pod/);
    expect(wrong.err).toMatch(/--http-port +want 1-65535, got "y"/);
  });

  test('joins files as documents', async () => {
    const { out } = await command({
      a: other.trimEnd(),
      b: `---\n${deployment('dns', named)}`,
      c: other,
    });
    expect(objectsIn(out).map(({ kind }) => kind)).toEqual([
      'ConfigMap',
      'Deployment',
      'ConfigMap',
    ]);
  });

  test('takes JSON and gives JSON', async () => {
    const json = JSON.stringify(parse(deployment('dns', named)), undefined, 4);
    const { out } = await command({ a: json });
    expect(JSON.parse(out)).toEqual(parse((await command({ a: deployment('dns', named) })).out));
    expect(out).toMatch(/^\{\n {4}"/);
  });

  test('takes the ResourceList of a kustomize function', async () => {
    const items = parseAllDocuments(`${other}---\n${deployment('dns', named)}`).map((d) =>
      d.toJS(),
    );
    const list = { apiVersion: 'config.kubernetes.io/v1', kind: 'ResourceList', items };
    const { out } = await command({ a: JSON.stringify(list) });
    const after = JSON.parse(out) as typeof list;
    expect(after.kind).toBe('ResourceList');
    expect(after.items[0]).toEqual(items[0]);
    expect(JSON.stringify(after.items[1])).toContain('initContainers');
  });

  test('understands anchors and merges, though comments beside them may go', async () => {
    const text = `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n  - &one\n    name: named\n    image: ubuntu/bind9\n  - <<: *one\n    name: web\n    image: nginx\n`;
    const { code, out } = await command({ a: text });
    expect(code).toBe(0);
    const [object] = objectsIn(out);
    expect(object?.spec?.['containers']).toMatchObject([
      { name: 'named', command: ['/usr/sbin/named'] },
      { name: 'web', image: 'nginx' },
    ]);
    const containers = object?.spec?.['containers'];
    expect(Array.isArray(containers) ? containers[1] : undefined).not.toHaveProperty('command');
  });

  test('shows with --diff what would change, for "patch" to read', async () => {
    const text = textOf('isc-plain');
    const { out: diff } = await command({ 'a.yaml': text }, { diff: true });
    const { out: after } = await command({ 'a.yaml': text });
    expect(diff).toMatch(/^--- a\.yaml\n\+\+\+ a\.yaml\n@@ -\d+,\d+ \+\d+,\d+ @@\n/);
    expect(applied(text, diff)).toBe(after);
    expect((await command({ 'a.yaml': after }, { diff: true })).out).toBe('');
  });

  test('takes a List of hundreds, and shows what would change in it', async () => {
    const item = deployment('dns', named).trimEnd().replaceAll(/^/gm, '  ').replace('  ', '- ');
    const text = `apiVersion: v1\nkind: List\nitems:\n${`${item}\n`.repeat(200)}`;
    const { code, out: after } = await command({ a: text });
    expect([code, after.match(/name: bind9-agent\n/g)?.length]).toEqual([0, 400]);
    const { out: diff } = await command({ a: text }, { diff: true });
    expect(applied(text, diff)).toBe(after);
  });

  test('stands in a pipe, as a post-renderer of Helm does', () => {
    const node = [
      process.execPath,
      resolve('agent/main.ts'),
      'inject',
      '--key-secret',
      'keys/a.key',
    ];
    const [file = '', ...args] = node;
    const ran = spawnSync(file, args, { input: textOf('helm-ubuntu'), encoding: 'utf8' });
    expect([ran.status, ran.stderr]).toEqual([0, '']);
    expect(objectsIn(ran.stdout).map(({ kind }) => kind)).toEqual(['Service', 'Deployment']);
    expect(ran.stdout).toContain('/etc/bind9-agent/keys/keys/a.key');
  });
});

const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** What `patch` would make; throws where the diff does not fit. */
function applied(before: string, diff: string): string {
  const old = linesOf(before);
  const result: string[] = [];
  let at = 0;
  const upTo = (line: number): void => {
    result.push(...old.slice(at, line));
    at = line;
  };
  const lines = (diff.match(/[^\n]*\n(\\[^\n]*\n)?/g) ?? [])
    .slice(2)
    .map((line) => line.replace(/\n\\.*\n$/, ''));
  for (const line of lines) {
    const [, from, size] = /^@@ -(\d+)(?:,(\d+))?/.exec(line) ?? [];
    if (from !== undefined) upTo(Number(from) - (size === '0' ? 0 : 1));
    else if (line.startsWith('+')) result.push(line.slice(1));
    else if (old[at] !== line.slice(1)) throw new Error(`does not fit: ${line}`);
    else if (line.startsWith(' ')) upTo(at + 1);
    else at += 1;
  }
  upTo(old.length);
  return result.join('');
}

test('for any two texts: the unified diff makes one of the other', () => {
  const text = fc
    .tuple(
      fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 30 }),
      fc.constantFrom('\n', ''),
    )
    .map(([lines, end]) => lines.join('\n') + end);
  fc.assert(
    fc.property(text, text, (before, after) => {
      expect(applied(before, unifiedDiff('x', before, after))).toBe(after);
    }),
    { numRuns: 500 },
  );
});
