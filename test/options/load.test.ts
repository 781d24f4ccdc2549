import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readHost } from '../../agent/options/host.ts';
import { loadOptions, type Sources } from '../../agent/options/load.ts';
import type { Options } from '../../agent/options/options.ts';
import { tellProblems } from '../../agent/options/tell-problems.ts';

const host = {
  name: 'primary-0',
  addresses: ['192.0.2.7', '2001:db8::7'],
  uid: 'uid-1',
  apiServer: '',
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'options-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

interface Given {
  readonly yaml?: string;
  readonly environment?: Sources['environment'];
  readonly flags?: Readonly<Record<string, unknown>>;
}

const load = ({ yaml, environment = {}, flags = {} }: Given) =>
  loadOptions({
    host,
    environment,
    flags: new Map(Object.entries(flags)),
    ...(yaml === undefined ? {} : { configFile: file('agent.yaml', yaml) }),
  });

function good(given: Given): Options {
  const loaded = load(given);
  if (!loaded.ok) throw new Error(tellProblems(loaded.problems));
  return loaded.value;
}

function told(given: Given): string {
  const loaded = load(given);
  if (loaded.ok) throw new Error('nothing was told');
  return tellProblems(loaded.problems);
}

describe('layers', () => {
  test('without any setting, everything has its default', () => {
    const options = good({});
    expect(options.cluster).toBe('directory');
    expect(options.http).toEqual({ address: '0.0.0.0', port: 8055 });
    expect(options.keys).toEqual({ cluster: '', files: [] });
  });

  test('defaults that depend on the machine are made from what is passed in', () => {
    const { pod } = good({});
    expect(pod).toMatchObject({
      name: 'primary-0',
      uid: 'uid-1',
      ips: ['192.0.2.7', '2001:db8::7'],
    });
  });

  test('the folders of a shared folder follow it, unless they are set', () => {
    const { directory } = good({
      yaml: 'directory: { path: /shared, peers: /elsewhere }',
    });
    expect(directory).toEqual({
      path: '/shared',
      manifests: '/shared/manifests',
      peers: '/elsewhere',
      status: '/shared/status',
    });
  });

  test('the file wins over defaults, the environment over the file, flags over all', () => {
    const yaml = 'http: { port: 1001 }\ndns: { port: 1002 }\nnamed: { controlPort: 1003 }';
    const environment = { BIND9_AGENT_HTTP_PORT: '2001', BIND9_AGENT_DNS_PORT: '2002' };
    const options = good({ yaml, environment, flags: { 'http.port': '3001' } });
    expect([options.http.port, options.dns.port, options.named.controlPort]).toEqual([
      3001, 2002, 1003,
    ]);
    expect(options.named.statisticsPort).toBe(8053);
  });

  test('BIND9_AGENT_CONFIG names the file where no flag does', () => {
    const environment = { BIND9_AGENT_CONFIG: file('env.yaml', 'http: { port: 1001 }') };
    expect(good({ environment }).http.port).toBe(1001);
    expect(good({ environment, yaml: 'http: { port: 1002 }' }).http.port).toBe(1002);
  });

  test('an empty variable and a key without a value count as not set', () => {
    const options = good({
      yaml: 'http:\npod:\n  name:\n',
      environment: { BIND9_AGENT_DNS_PORT: '' },
    });
    expect([options.http.port, options.pod.name, options.dns.port]).toEqual([
      8055,
      'primary-0',
      53,
    ]);
  });

  test('an empty file is a file without settings', () => {
    expect(good({ yaml: '# nothing\n' }).http.port).toBe(8055);
  });

  test('the options are frozen, to the last value', () => {
    const options = good({ environment: { BIND9_AGENT_POD_LABELS: 'a=b' } });
    const parts = [
      options,
      options.http,
      options.pod.labels,
      options.pod.ips,
      options.dns.listenOn,
    ];
    expect(parts.every(Object.isFrozen)).toBe(true);
  });
});

describe('values', () => {
  test('a list is written in YAML as a list, elsewhere with commas', () => {
    const ips = ['10.0.0.1', '2001:db8::1'];
    expect(good({ yaml: 'pod: { ips: ["10.0.0.1", "2001:db8::1"] }' }).pod.ips).toEqual(ips);
    const environment = { BIND9_AGENT_POD_IPS: ' 10.0.0.1, 2001:db8::1,' };
    expect(good({ environment }).pod.ips).toEqual(ips);
    expect(good({ yaml: 'pod: { ips: [] }' }).pod.ips).toEqual([]);
  });

  test('labels are written in YAML as a mapping, elsewhere as key=value', () => {
    const labels = { 'app.kubernetes.io/name': 'dns', role: 'primary', empty: '' };
    const environment = {
      BIND9_AGENT_POD_LABELS: 'app.kubernetes.io/name=dns,role=primary,empty=',
    };
    expect(good({ environment }).pod.labels).toEqual(labels);
    expect(good({ yaml: JSON.stringify({ pod: { labels } }) }).pod.labels).toEqual(labels);
  });

  test('a label called __proto__ is a label like any other', () => {
    const { labels } = good({ environment: { BIND9_AGENT_POD_LABELS: '__proto__=x,a=b' } }).pod;
    expect(Object.entries(labels)).toEqual([
      ['__proto__', 'x'],
      ['a', 'b'],
    ]);
  });

  test('text that YAML takes for a number is refused, not rounded', () => {
    expect(told({ yaml: 'pod: { labels: { version: 1.10 } }' })).toContain(
      'pod.labels  want text for "version", got 1.1: put it in quotes',
    );
    expect(told({ yaml: 'pod: { clusterName: 7 }' })).toContain('got 7: put it in quotes');
  });

  test('numbers keep their bounds', () => {
    for (const port of ['0', '65536', '80a', '-1', '1.5', '0x50', ' 80', '1e3']) {
      expect(told({ environment: { BIND9_AGENT_HTTP_PORT: port } })).toContain(
        `want 1-65535, got "${port}"`,
      );
    }
    expect(told({ yaml: 'http: { port: 80.5 }' })).toContain('http.port  want 1-65535, got 80.5');
  });

  test('a yes or no is true or false and nothing else', () => {
    const environment = { BIND9_AGENT_ACCESS_BY_ADDRESS: 'yes' };
    expect(told({ environment })).toContain('want true or false, got "yes"');
    expect(good({ flags: { 'access.byAddress': true } }).access.byAddress).toBe(true);
  });

  test('a name that would leave its folder is no name', () => {
    for (const name of ['../x', 'a/b', '', '.', '-a']) {
      expect(told({ flags: { 'pod.name': name } })).toContain('--pod-name  want a name');
    }
  });
});

describe('wrong settings', () => {
  test('are all told at once, each by the name under which it was given', () => {
    const text = told({
      yaml: 'dns: { port: 0 }\nkeys: { cluster: keys/rndc.key }',
      environment: { BIND9_AGENT_HTTP_PORT: '80a' },
      flags: { 'log.level': 'loud' },
    });
    expect(text).toBe(
      `bind9-agent: 4 settings are wrong
  dns.port               want 1-65535, got 0
  BIND9_AGENT_HTTP_PORT  want 1-65535, got "80a"
  --log-level            want fatal, error, warn, info, debug or trace, got "loud"
  keys.cluster           file not found: keys/rndc.key
`,
    );
  });

  test('are counted in good English', () => {
    expect(told({ flags: { 'http.port': 'x' } })).toMatch(/^bind9-agent: 1 setting is wrong\n/);
  });

  test('are told in a lower layer too, before the layer above is taken away', () => {
    const yaml = 'http: { port: none }';
    expect(told({ yaml, flags: { 'http.port': '80' } })).toContain('http.port  want 1-65535');
  });

  test('a key of YAML that does not exist is told with what was meant', () => {
    const text = told({ yaml: 'htpp: { port: 1 }\nhttp: { prot: 2 }\nxyzzy: 3\n' });
    expect(text).toContain('htpp       no such setting, did you mean http?\n');
    expect(text).toContain('http.prot  no such setting, did you mean http.port?\n');
    expect(text).toContain('xyzzy      no such setting\n');
  });

  test('a variable that does not exist is told with what was meant', () => {
    const environment = {
      BIND9_AGENT_HTPP_PORT: '1',
      BIND9_AGENT_FROBNICATE: '1',
      BIND9_OTHER: '1',
    };
    expect(told({ environment })).toBe(
      `bind9-agent: 2 settings are wrong
  BIND9_AGENT_HTPP_PORT   no such setting, did you mean BIND9_AGENT_HTTP_PORT?
  BIND9_AGENT_FROBNICATE  no such setting
`,
    );
  });

  test('variables that Kubernetes sets for a Service of our name are passed over', () => {
    const options = good({
      environment: {
        BIND9_AGENT_SERVICE_HOST: '10.96.0.9',
        BIND9_AGENT_SERVICE_PORT: '8055',
        BIND9_AGENT_SERVICE_PORT_HTTP: '8055',
        BIND9_AGENT_PORT: 'tcp://10.96.0.9:8055',
        BIND9_AGENT_PORT_8055_TCP: 'tcp://10.96.0.9:8055',
        BIND9_AGENT_PORT_8055_TCP_PROTO: 'tcp',
        BIND9_AGENT_PORT_8055_TCP_PORT: '8055',
        BIND9_AGENT_PORT_8055_TCP_ADDR: '10.96.0.9',
        // A Service named bind9-agent-http.
        BIND9_AGENT_HTTP_PORT: 'tcp://10.96.0.10:80',
        BIND9_AGENT_HTTP_SERVICE_HOST: '10.96.0.10',
      },
    });
    expect(options.http.port).toBe(8055);
  });

  test('a section that is no mapping is told', () => {
    expect(told({ yaml: 'http: 80' })).toContain('http  want a mapping of settings, got 80');
    expect(told({ yaml: '- a' })).toContain('want a YAML mapping of settings');
  });

  test('a file that is no YAML is told with line and column', () => {
    expect(told({ yaml: 'http:\n  port: "80\n' })).toMatch(
      /agent\.yaml {2}not YAML: .* at line \d+, column \d+\n/,
    );
    expect(told({ yaml: 'log: {}\nlog: {}\n' })).toMatch(/not YAML: Map keys must be unique/);
  });

  test('a settings file that is not there is told by the name that named it', () => {
    const absent = join(folder, 'absent.yaml');
    const loaded = loadOptions({ host, environment: {}, flags: new Map(), configFile: absent });
    expect(loaded).toEqual({
      ok: false,
      problems: [{ path: '--config', problem: `file not found: ${absent}` }],
    });
    expect(told({ environment: { BIND9_AGENT_CONFIG: folder } })).toContain(
      `BIND9_AGENT_CONFIG  want a file, got a folder: ${folder}`,
    );
  });

  test('files and folders that must be there are looked for', () => {
    const key = file('a.key', '');
    const absent = join(folder, 'b.key');
    mkdirSync(join(folder, 'tools'));
    const flags = { 'keys.files': `${key},${absent}`, 'named.tools': key, 'named.conf': folder };
    expect(told({ flags })).toBe(
      `bind9-agent: 3 settings are wrong
  --named-conf   want a file, got a folder: ${folder}
  --named-tools  want a folder, got a file: ${key}
  --keys-files   file not found: ${absent}
`,
    );
    expect(
      good({ flags: { 'keys.files': key, 'named.tools': join(folder, 'tools') } }),
    ).toBeTruthy();
  });

  test('a lease that would run out between two renewals is refused', () => {
    const text = told({ environment: { BIND9_AGENT_LEASE_RENEW_SECONDS: '120' } });
    expect(text).toContain(
      'lease.durationSeconds  want more than BIND9_AGENT_LEASE_RENEW_SECONDS (120), got 120',
    );
  });

  test('with the Kubernetes API, what it is reached by must be there, unless a kubeconfig says all', () => {
    const environment = { BIND9_AGENT_CLUSTER: 'kubernetes' };
    const account = '/var/run/secrets/kubernetes.io/serviceaccount';
    expect(told({ environment })).toBe(
      `bind9-agent: 3 settings are wrong
  kubernetes.server     want the URL of the API server (or a kubernetes.kubeconfig), got nothing: this is no pod
  kubernetes.tokenFile  file not found: ${account}/token
  kubernetes.caFile     file not found: ${account}/ca.crt
`,
    );
    const kubeconfig = file('config', '');
    expect(good({ environment, flags: { 'kubernetes.kubeconfig': kubeconfig } })).toBeTruthy();
    const given = {
      'kubernetes.server': 'https://192.0.2.1:6443',
      'kubernetes.tokenFile': file('token', ''),
      'kubernetes.caFile': '',
    };
    expect(good({ environment, flags: given })).toBeTruthy();
    expect(told({ environment, flags: { ...given, 'kubernetes.server': '192.0.2.1' } })).toContain(
      '--kubernetes-server  want the URL of the API server (or a kubernetes.kubeconfig), got "192.0.2.1"',
    );
  });

  test("the API server is the one that the pod's environment names", () => {
    const server = (environment: Sources['environment']): string => readHost(environment).apiServer;
    expect(server({})).toBe('');
    expect(server({ KUBERNETES_SERVICE_HOST: '10.96.0.1' })).toBe('https://10.96.0.1:443');
    const six = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' };
    expect(server(six)).toBe('https://[fd00::1]:6443');
  });

  test('namespaces are names, or all', () => {
    expect(good({ yaml: 'kubernetes: { namespaces: [dns, "*"] }' }).kubernetes.namespaces).toEqual([
      'dns',
      '*',
    ]);
    expect(told({ yaml: 'kubernetes: { namespaces: [Dns] }' })).toContain(
      'kubernetes.namespaces  want namespaces or "*", got "Dns"',
    );
  });
});
