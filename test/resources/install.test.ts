import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { defaultInstallation, installOf } from '../../agent/install/install.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import { accessOf, type Installation } from '../../agent/install/rbac.ts';
import { kindSchemas } from '../../agent/resources/schema.ts';

interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** `Role dns-system/bind9-agent` → `zones` or `leases` or both. */
function grants(more: Partial<Installation>): Record<string, string> {
  const roles = accessOf({ ...defaultInstallation, ...more }).filter(({ kind }) =>
    kind.endsWith('Role'),
  );
  return Object.fromEntries(
    roles.map((role) => {
      const { name, namespace } = role.metadata;
      const resources = (role['rules'] as readonly Rule[]).flatMap((rule) => rule.resources);
      const what = ['dnszones', 'leases', 'events'].filter((each) => resources.includes(each));
      return [`${role.kind} ${namespace ?? '*'}/${name}`, what.join(' ')];
    }),
  );
}

describe('the rights of agents', () => {
  test('stand in one Role of their namespace by default', () => {
    const roles = { 'Role dns-system/bind9-agent': 'dnszones leases events' };
    expect(grants({})).toEqual(roles);
    expect(grants({ watched: ['dns-system'] })).toEqual(roles);
  });

  test('on zones stand where the zones are, on registrations where the pods are', () => {
    expect(grants({ watched: ['team-a', 'dns-system'] })).toEqual({
      'Role dns-system/bind9-agent': 'dnszones leases events',
      'Role team-a/bind9-agent.dns-system': 'dnszones events',
    });
    expect(grants({ watched: ['team-a'] })).toEqual({
      'Role dns-system/bind9-agent': 'leases events',
      'Role team-a/bind9-agent.dns-system': 'dnszones events',
    });
    expect(grants({ watched: ['*'] })).toEqual({
      'Role dns-system/bind9-agent': 'leases events',
      'ClusterRole */bind9-agent.dns-system': 'dnszones events',
    });
  });

  test('come with an account of our own, and for one that somebody else has made without it', () => {
    const accounts = (serviceAccount: string) =>
      accessOf({ ...defaultInstallation, serviceAccount }).filter(
        ({ kind }) => kind === 'ServiceAccount',
      );
    expect(accounts('bind9-agent').map(({ metadata }) => metadata.name)).toEqual(['bind9-agent']);
    expect(accounts('bind9')).toEqual([]);
    const [, binding] = accessOf({ ...defaultInstallation, serviceAccount: 'bind9' });
    expect(binding?.['subjects']).toMatchObject([{ name: 'bind9', namespace: 'dns-system' }]);
  });

  test('cover every kind, and neither Pods nor Secrets nor any write to a spec', () => {
    const [, role] = accessOf(defaultInstallation);
    const rules = role?.['rules'] as readonly Rule[];
    const resources = rules.flatMap((rule) => rule.resources);
    for (const { plural } of Object.values(kindSchemas)) expect(resources).toContain(plural);
    expect(resources).not.toContain('pods');
    expect(resources).not.toContain('secrets');
    const written = rules.filter(({ verbs }) => !verbs.every((verb) => reading.includes(verb)));
    expect(written.flatMap((rule) => rule.resources).sort()).toEqual([
      'dnszones/status',
      'events',
      'leases',
    ]);
  });

  test('on Leases are by name where the pods are known', () => {
    const [, role] = accessOf({ ...defaultInstallation, pods: ['dns-0', 'dns-1'] });
    const rules = role?.['rules'] as readonly Rule[];
    const written = rules.filter(({ verbs }) => verbs.includes('create'));
    expect(written.find(({ resources }) => resources.includes('leases'))).toMatchObject({
      resourceNames: ['bind9-agent.dns-0', 'bind9-agent.dns-1'],
    });
  });
});

const reading = ['get', 'list', 'watch'];

test('what is printed reads back as what is meant', () => {
  const all = installOf(['crds', 'rbac', 'policy'], { ...defaultInstallation, namespace: 'y' });
  const read = parseAllDocuments(manifestText(all), { version: '1.1' });
  expect(read.map((document) => document.toJS())).toEqual(JSON.parse(JSON.stringify(all)));
});
