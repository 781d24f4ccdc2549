import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Injection, inject } from '../../agent/inject/inject.ts';
import { difference } from '../../agent/inject/json-patch.ts';
import { patched } from '../../agent/inject/workload.ts';
import { settings } from './shapes.ts';

type Fields = Record<string, unknown>;

const named: Fields = { name: 'named', image: 'internetsystemsconsortium/bind9:9.18' };
const pod = (spec: Fields, metadata?: Fields): unknown => ({
  ...(metadata === undefined ? {} : { metadata }),
  spec: { containers: [named], ...spec },
});
const withNamed = (fields: Fields, more: Fields = {}): unknown =>
  pod({ containers: [{ ...named, ...fields }], ...more });

interface Injected {
  readonly spec: {
    readonly containers: readonly Fields[];
    readonly initContainers: readonly Fields[];
    readonly volumes: readonly { readonly name: string }[];
    readonly securityContext?: Fields;
    readonly serviceAccountName?: string;
    readonly terminationGracePeriodSeconds?: number;
  };
}

function done(template: unknown, more: Partial<typeof settings> = {}): Injected {
  const injection = inject(template, { ...settings, ...more });
  if (injection.kind !== 'patch') throw new Error(JSON.stringify(injection));
  return patched(template, injection.patch) as Injected;
}

const started = (template: unknown): unknown[] => {
  const { command, args } = done(template).spec.containers[0] ?? {};
  return [command, args];
};

const told = (injection: Injection): string[] =>
  injection.kind === 'refused'
    ? injection.problems.map(({ path, problem }) => `${path}: ${problem}`)
    : [];

const ours = '/etc/bind/agent/named.conf';

describe("named's own command stays but for its configuration", () => {
  const conf = { volumeMounts: [{ name: 'conf', mountPath: '/etc/bind/named.conf' }] };
  const user = { securityContext: { runAsUser: 100 } };
  test.each([
    ['the image starts it', {}, [['/usr/sbin/named'], ['-f', '-L', '/dev/stderr', '-c', ours]]],
    [
      'flags are given to the image, which knows its user',
      { ...conf, args: ['-g', '-d', '1'] },
      [['/usr/sbin/named'], ['-f', '-d', '1', '-L', '/dev/stderr', '-c', ours]],
    ],
    [
      'flags are given to the image, and the pod says who it is',
      { ...conf, ...user, args: ['-g', '-u', 'bind', '-4'] },
      [undefined, ['-f', '-u', 'bind', '-4', '-L', '/dev/stderr', '-c', ours]],
    ],
    [
      'its log goes to a file',
      { ...conf, ...user, command: ['named', '-f', '-c/etc/bind/named.conf', '-L', '/log'] },
      [['named', '-f', '-c', ours, '-L', '/log'], undefined],
    ],
    [
      'flags stand together',
      { ...conf, command: ['/sbin/named'], args: ['-4fgu', 'bind', '-p', '53'] },
      [['/sbin/named'], ['-4', '-f', '-p', '53', '-L', '/dev/stderr', '-c', ours]],
    ],
    [
      'an init program starts it',
      { ...conf, ...user, command: ['/sbin/tini', '--', 'named', '-f'] },
      [['/sbin/tini', '--', 'named', '-f', '-c', ours], undefined],
    ],
    [
      'it would have gone into the background',
      { ...conf, ...user, args: ['/usr/sbin/named', '-c', '/etc/bind/named.conf'] },
      [['/usr/sbin/named'], ['-c', ours, '-f']],
    ],
  ])('where %s', (_, fields, expected) => {
    expect(started(withNamed(fields))).toEqual(expected);
  });
});

describe('named and the agent are one user', () => {
  const users = (template: unknown, more: Partial<typeof settings> = {}) => {
    const { containers, initContainers, securityContext } = done(template, more).spec;
    const [container, agent] = [containers[0], initContainers[0]].map((each) => {
      const { runAsUser, runAsGroup } = (each?.['securityContext'] ?? {}) as Fields;
      return [runAsUser, runAsGroup];
    });
    return { container, agent, sysctls: securityContext?.['sysctls'] };
  };
  const port53 = [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '53' }];

  test('which the pod says, or the container', () => {
    const ofPod = { securityContext: { runAsUser: 100, runAsGroup: 7 } };
    expect(users(pod(ofPod))).toEqual({
      container: [undefined, undefined],
      agent: [100, 7],
      sysctls: port53,
    });
    expect(users(withNamed({ securityContext: { runAsUser: 5 } }, ofPod)).agent).toEqual([5, 7]);
  });

  test('which is given where nobody says, and is not root', () => {
    expect(users(pod({}))).toEqual({ container: [101, 101], agent: [101, 101], sysctls: port53 });
    expect(users(pod({}), { user: 53 }).container).toEqual([53, 53]);
    const root = inject(pod({ securityContext: { runAsUser: 0 } }), settings);
    expect(told(root)).toEqual([
      'spec.securityContext.runAsUser: want a user that is not root, or none (it is then 101), got 0',
    ]);
  });

  test('and what named may do already is not asked for', () => {
    const ports = [{ containerPort: 5353, protocol: 'UDP' }];
    expect(users(withNamed({ ports })).sysctls).toBeUndefined();
    const sysctls = [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }];
    expect(users(pod({ securityContext: { sysctls } })).sysctls).toEqual(sysctls);
    const higher = [
      { name: 'net.core.somaxconn', value: '1' },
      { ...port53[0], value: '1024' },
    ];
    expect(users(pod({ securityContext: { sysctls: higher } })).sysctls).toEqual([
      higher[0],
      port53[0],
    ]);
  });
});

describe('what cannot be injected is refused, with all the reasons', () => {
  test.each([
    [
      'no container that looks like named',
      { containers: [{ name: 'web', image: 'nginx' }] },
      ['spec.containers: want one that runs named, got web'],
    ],
    [
      'two that do',
      { containers: [named, { ...named, name: 'other' }] },
      ['spec.containers: want one that runs named, got named, other'],
    ],
    [
      'an agent of another name',
      { initContainers: [{ name: 'mine', image: 'registry.example/x/bind9-agent:1' }] },
      ['spec.initContainers[0]: want no other agent beside the one to inject, got "mine"'],
    ],
    [
      'an agent that is no sidecar',
      { containers: [named, { name: 'bind9-agent', image: 'x' }] },
      ['spec.containers[1]: want no other agent'],
    ],
    [
      'a port of the node that only root may have',
      { hostNetwork: true },
      ['spec.hostNetwork: want a pod network, where named needs not be root for port 53'],
    ],
    [
      "the agent's ports",
      {
        containers: [
          named,
          { name: 'web', ports: [{ containerPort: 8055 }, { containerPort: 8053 }] },
        ],
      },
      [
        "spec.containers[1].ports[0].containerPort: want another port than the agent's http.port",
        "spec.containers[1].ports[1].containerPort: want another port than the agent's named.statisticsPort",
      ],
    ],
    [
      "the agent's volumes",
      { volumes: [{ name: 'bind9-agent-state', emptyDir: {} }] },
      ['spec.volumes[0].name: want another name'],
    ],
    [
      'a script',
      { containers: [{ ...named, command: ['sh', '-c', 'cp /a /b; exec named -f'] }] },
      [
        'spec.containers[0].command: want named and its flags, got a shell script: "cp /a /b; exec named -f"',
      ],
    ],
    [
      'a change of root',
      { containers: [{ ...named, args: ['-t', '/jail'] }] },
      ['spec.containers[0].args: want named without -t, got -t /jail'],
    ],
    [
      'a word that is no flag',
      { containers: [{ ...named, command: ['named'], args: ['-f', 'x'] }] },
      ['spec.containers[0].args: want flags of named, got "x"'],
    ],
    [
      'a configuration that only the image has',
      { containers: [{ ...named, image: 'mine/bind9' }] },
      ['spec.containers[0].volumeMounts: want /etc/bind/named.conf on a volume'],
    ],
    [
      'a configuration of which the image has a part',
      {
        containers: [
          { ...named, volumeMounts: [{ name: 'c', mountPath: '/etc/bind/named.conf.options' }] },
        ],
      },
      ['spec.containers[0].volumeMounts: want /etc/bind/named.conf on a volume'],
    ],
    [
      'no list of containers',
      { containers: 'named' },
      ['spec.containers: want a list, got "named"'],
    ],
    [
      'several at once',
      {
        hostNetwork: true,
        containers: [
          { ...named, args: ['-t', '/jail'] },
          { name: 'mine', image: 'bind9-agent' },
        ],
      },
      ['spec.containers[0].args', 'spec.hostNetwork', 'spec.containers[1]'],
    ],
  ])('%s', (_, spec, expected) => {
    const lines = told(inject(pod(spec), settings));
    expect(lines).toHaveLength(expected.length);
    for (const [index, line] of lines.entries()) expect(line).toContain(expected[index]);
  });

  test('wrong annotations', () => {
    const annotations = {
      'agent.bindy.firestoned.io/dns-port': '0',
      'agent.bindy.firestoned.io/user': 'bind',
    };
    expect(told(inject(pod({}, { annotations }), settings))).toEqual([
      'metadata.annotations["agent.bindy.firestoned.io/dns-port"]: want a port, 1-65535, got "0"',
      'metadata.annotations["agent.bindy.firestoned.io/user"]: want a uid from 1, got "bind"',
    ]);
    const container = { 'agent.bindy.firestoned.io/container': 'none' };
    expect(told(inject(pod({}, { annotations: container }), settings))).toEqual([
      'metadata.annotations["agent.bindy.firestoned.io/container"]: want a container of this pod (named), got "none"',
    ]);
  });
});

test('a pod that asks not to be injected is left alone, by label or annotation', () => {
  const inject1 = { 'agent.bindy.firestoned.io/inject': 'false' };
  for (const metadata of [{ labels: inject1 }, { annotations: inject1 }])
    expect(inject(pod({}, metadata), settings)).toEqual({
      kind: 'unwanted',
      why: 'agent.bindy.firestoned.io/inject is "false"',
    });
});

test('once named is started, no probe of the agent counts: a pod that serves is not to go with it', () => {
  const [agent = {}] = done(pod({})).spec.initContainers;
  expect(Object.keys(agent).filter((field) => field.endsWith('Probe'))).toEqual(['startupProbe']);
});

test('named answers for some seconds after its end is known, unless its pod says what is done then', () => {
  const [named] = done(pod({})).spec.containers;
  expect(named?.['lifecycle']).toEqual({ preStop: { exec: { command: ['sleep', '5'] } } });
  const lifecycle = {
    postStart: { exec: { command: ['true'] } },
    preStop: { sleep: { seconds: 9 } },
  };
  const [other] = done(pod({ containers: [{ name: 'named', image: 'ubuntu/bind9', lifecycle }] }))
    .spec.containers;
  expect(other?.['lifecycle']).toEqual(lifecycle);
});

test('what the API server fills in is no difference', () => {
  const template = done(pod({}));
  const agent = template.spec.initContainers[0] ?? {};
  const probe = agent['startupProbe'] as Fields;
  const filled = {
    ...template,
    spec: {
      ...template.spec,
      initContainers: [
        {
          ...agent,
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
          imagePullPolicy: 'IfNotPresent',
          startupProbe: {
            ...probe,
            successThreshold: 1,
            httpGet: { ...(probe['httpGet'] as Fields), scheme: 'HTTP' },
          },
        },
      ],
    },
  };
  expect(inject(filled, settings)).toEqual({ kind: 'patch', patch: [] });
  expect(inject(filled, { ...settings, memory: '1Gi' })).not.toEqual({ kind: 'patch', patch: [] });
});

test('named is known by what it is started by, before all else', () => {
  const found = (...containers: Fields[]) =>
    done({ spec: { containers } }).spec.containers.findIndex((each) => 'volumeMounts' in each);
  const tail = { name: 'log', image: 'busybox', command: ['tail', '-F', '/var/log/named'] };
  const conf = { volumeMounts: [{ name: 'c', mountPath: '/etc/bind' }] };
  expect(found(tail, named)).toBe(1);
  expect(found({ name: 'bind9', image: 'x' }, { ...named, name: 'a' })).toBe(1);
  expect(found(named, { name: 'a', image: 'mine', command: ['named'], ...conf })).toBe(1);
  const script = ['bash', '-c', 'cp -Lr /config/* /etc/bind/\nexec $(which named) -u bind -g'];
  const annotated = {
    spec: { containers: [named, { name: 'a', image: 'mine', command: script }] },
  };
  expect(told(inject(annotated, settings))).toMatchObject([
    expect.stringContaining('spec.containers[1].command: want named and its flags, got a shell'),
  ]);
});

test('a sidecar that somebody else has put first since then stays first', () => {
  const template = done(pod({}));
  const proxy = { name: 'proxy', image: 'proxy', restartPolicy: 'Always' };
  const initContainers = [proxy, ...template.spec.initContainers];
  const after = { ...template, spec: { ...template.spec, initContainers } };
  expect(inject(after, settings)).toEqual({ kind: 'patch', patch: [] });
});

test('a configuration that is taken away by annotation is not adopted any more', () => {
  const volumeMounts = [{ name: 'conf', mountPath: '/etc/bind/named.conf' }];
  const env = (template: Injected) => JSON.stringify(template.spec.initContainers[0]?.['env']);
  const first = done(withNamed({ volumeMounts }));
  expect(env(first)).toContain('"BIND9_AGENT_NAMED_CONF","value":"/etc/bind/named.conf"');
  const annotations = { 'agent.bindy.firestoned.io/named-conf': 'own' };
  expect(env(done({ ...first, metadata: { annotations } }))).not.toContain('NAMED_CONF');
});

const mountPaths = [
  ...[
    '/etc/bind',
    '/etc/bind/named.conf',
    '/etc/bind/agent',
    '/var/lib/bind',
    '/var/lib/bind/zones',
  ],
  ...[
    '/var/cache/bind',
    '/var/cache',
    '/run/named',
    '/var/run/named',
    '/var/log',
    '/var/lib/bind/x/y',
  ],
  ...['/var/run/secrets/kubernetes.io/serviceaccount'],
];
const volume = fc.constantFrom(
  { emptyDir: {} },
  { configMap: { name: 'x' } },
  { secret: { secretName: 'x' } },
  { persistentVolumeClaim: { claimName: 'x' } },
);
const anyPod = fc
  .record({
    paths: fc.uniqueArray(fc.constantFrom(...mountPaths), { maxLength: 5 }),
    kinds: fc.array(volume, { minLength: 5, maxLength: 5 }),
    readOnly: fc.boolean(),
    command: fc.constantFrom(
      undefined,
      ['named'],
      ['/usr/sbin/named', '-f'],
      ['sh', '-c', 'exec named -g -4'],
    ),
    args: fc.constantFrom(
      undefined,
      ['-g'],
      ['-c', '/etc/bind/named.conf'],
      ['-u', 'bind', '-L', '/log'],
    ),
    image: fc.constantFrom('internetsystemsconsortium/bind9', 'ubuntu/bind9:1', 'mine'),
    user: fc.option(fc.constantFrom(53, 101), { nil: undefined }),
    ofPod: fc.boolean(),
    hostNetwork: fc.boolean(),
    token: fc.option(fc.boolean(), { nil: undefined }),
    port: fc.constantFrom(53, 5353),
    before: fc.boolean(),
    own: fc.boolean(),
    nulls: fc.boolean(),
  })
  .map((given): unknown => {
    const volumes = given.paths.map((_, index) => ({ name: `v${index}`, ...given.kinds[index] }));
    const volumeMounts = given.paths.map((mountPath, index) => ({
      name: `v${index}`,
      mountPath,
      ...(given.readOnly ? { readOnly: true } : {}),
    }));
    const securityContext =
      given.user === undefined ? {} : { securityContext: { runAsUser: given.user } };
    const container = {
      ...named,
      image: given.image,
      ...(given.command === undefined || (given.command[0] === 'sh' && given.args !== undefined)
        ? {}
        : { command: given.command }),
      ...(given.args === undefined ? {} : { args: given.args }),
      ports: [{ containerPort: given.port, protocol: 'UDP' }],
      volumeMounts,
      env: [{ name: 'TZ', value: 'UTC' }],
      readinessProbe: { tcpSocket: { port: given.port } },
      ...(given.ofPod ? {} : securityContext),
    };
    const first = { name: 'first', image: 'x', volumeMounts: volumeMounts.slice(0, 1) };
    return {
      metadata: {
        labels: { app: 'x' },
        ...(given.own ? { annotations: { 'agent.bindy.firestoned.io/named-conf': 'own' } } : {}),
      },
      spec: {
        containers: [{ name: 'web', image: 'nginx' }, container],
        ...(given.before
          ? { initContainers: [first] }
          : given.nulls
            ? { initContainers: null }
            : {}),
        ...(given.nulls && volumes.length === 0 ? { volumes: null } : { volumes }),
        ...(given.hostNetwork ? { hostNetwork: true } : {}),
        ...(given.token === undefined ? {} : { automountServiceAccountToken: given.token }),
        ...(given.ofPod ? securityContext : {}),
      },
    };
  });

interface Mounted {
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

test('for any pod: the patch applies, twice is once, mounts and volumes fit, and all else stays', () => {
  let injected = 0;
  fc.assert(
    fc.property(anyPod, (template) => {
      const injection = inject(template, settings);
      if (injection.kind !== 'patch') return;
      injected += 1;
      const after = patched(template, injection.patch) as Injected;
      expect(inject(after, settings)).toEqual({ kind: 'patch', patch: [] });
      const before = template as Injected;
      const [web, now] = after.spec.containers;
      expect(web).toEqual(before.spec.containers[0]);
      for (const [field, value] of Object.entries(before.spec.containers[1] ?? {}))
        if (!['command', 'args', 'volumeMounts'].includes(field))
          expect(now?.[field]).toEqual(value);
      const mounts = (before.spec.containers[1] as unknown as Mounted).volumeMounts;
      const agent = after.spec.initContainers.find(({ name }) => name === 'bind9-agent');
      const volumes = new Set(after.spec.volumes.map(({ name }) => name));
      for (const container of [now, agent] as unknown as Mounted[]) {
        expect(container.volumeMounts).toEqual(expect.arrayContaining([...mounts]));
        const paths = container.volumeMounts.map(({ mountPath }) => mountPath);
        expect(new Set(paths).size).toBe(paths.length);
        expect(container.volumeMounts.filter(({ name }) => !volumes.has(name))).toEqual([]);
      }
    }),
    { numRuns: 400 },
  );
  expect(injected).toBeGreaterThan(50);
});

test('for any two values: the difference makes one of the other', () => {
  const json = fc.jsonValue({ maxDepth: 3 }).map((value) => withoutNulls(value));
  fc.assert(
    fc.property(json, json, (before, after) => {
      const [a, b] = [{ a: before }, { a: after }];
      expect(patched(a, difference(a, b))).toEqual(b);
    }),
    { numRuns: 300, examples: [[{ valueOf: [] }, {}]] },
  );
});

const withoutNulls = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, each) => each ?? 0);
