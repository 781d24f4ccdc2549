import { instanceRule, namedConfigRule } from './object-rules.ts';
import {
  access,
  choice,
  endpoint,
  flag,
  list,
  listen,
  openObject,
  optional,
  text,
  whole,
} from './schema-parts.ts';

const aclForm =
  'an IP, a network, any, none, localhost, localnets or "key name"; a leading ! excludes';

const acl = (description: string) =>
  list(`${description}: ${aclForm}.`, access('An access rule.'), { maxItems: 1000 });

/** `Bind9Instance.spec.config` and `Bind9Cluster.spec.global`: the options of named. */
const namedConfig = (description: string) =>
  openObject(
    description,
    {
      recursion: optional(flag('Whether named resolves names of others. Default: false.')),
      allowQuery: optional(acl('Who may query. Default: any')),
      allowTransfer: optional(
        acl('Who outside the cluster may transfer zones. [] and the default are nobody'),
      ),
      forwarders: optional(
        list(
          'Servers that recursive queries go to: an IP, ip:port or [ipv6]:port.',
          endpoint('A server.'),
          {
            maxItems: 32,
          },
        ),
      ),
      listenOn: optional(
        list('IPv4 addresses to listen on: an IP, a network, any or none.', listen('An address.'), {
          maxItems: 100,
        }),
      ),
      listenOnV6: optional(
        list('IPv6 addresses to listen on: an IP, a network, any or none.', listen('An address.'), {
          maxItems: 100,
        }),
      ),
      dnssec: optional(
        openObject('DNSSEC.', {
          validation: optional(flag('Whether answers to recursive queries are validated.')),
        }),
      ),
    },
    namedConfigRule,
  );

/** `Bind9Instance.spec`. */
export const bind9InstanceSpec = openObject(
  'A named group of BIND 9 pods.',
  {
    clusterRef: optional(text('The cluster of the instance.', { maxLength: 253 })),
    role: optional(choice('Its role, hence that of its pods.', ['primary', 'secondary'])),
    replicas: optional(whole('The number of its pods.', 0, 100)),
    version: optional(text('The version of BIND 9, for instance "9.18".', { maxLength: 64 })),
    config: optional(namedConfig('The options of named.')),
    primaryServers: optional(
      list(
        'The primaries of its zones: an IP, ip:port or [ipv6]:port.',
        text('A primary server.'),
        {
          maxItems: 32,
        },
      ),
    ),
  },
  instanceRule,
);

const members = (description: string) =>
  openObject(description, {
    replicas: optional(whole('The number of instances.', 0, 100)),
  });

const clusterFields = {
  version: optional(text('The version of BIND 9, for instance "9.18".', { maxLength: 64 })),
  global: optional(namedConfig('The options of named in instances that set none themselves.')),
  primary: optional(members('The primaries of the cluster.')),
  secondary: optional(members('The secondaries of the cluster.')),
};

/** `Bind9Cluster.spec`. */
export const bind9ClusterSpec = openObject('Instances that serve zones together.', clusterFields);

/** `ClusterBind9Provider.spec`, a kind of Bindy's that the agent does not use. */
export const clusterBind9ProviderSpec = openObject(
  'A cluster for all namespaces, as Bindy has it. The agent does not use it.',
  {
    ...clusterFields,
    namespace: optional(text('The namespace of its instances.', { maxLength: 63 })),
  },
);
