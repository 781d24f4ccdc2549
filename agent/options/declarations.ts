import { derivedOption, option } from './declaration.ts';
import {
  absoluteFolder,
  address,
  addressOrAny,
  choice,
  integer,
  kubernetesName,
  labels,
  listOf,
  namespaceOrAll,
  objectName,
  quantity,
  secretKey,
  someText,
  text,
  truth,
} from './kinds.ts';

const port = integer(1, 65535);
const clusterName = kubernetesName('a name');
const seconds = integer(1, 86400);
const folder = someText('a folder');
const addresses = listOf('IP addresses', address);

const subfolder = (name: string) => ({
  told: `\`${name}\` in \`directory.path\``,
  from: (_host: unknown, settled: (path: string) => string) =>
    `${settled('directory.path')}/${name}`,
});

/** Where the kubelet puts a pod's token and the certificates of the API server. */
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Every option of the agent, in the order in which they are documented. */
export const declarations = [
  option('cluster', choice('directory', 'kubernetes'), 'directory', {
    help: 'Where zones, records and instances come from, and where peers meet: a shared folder of manifests, or the Kubernetes API.',
  }),

  option('directory.path', folder, '/var/lib/bind9-agent', {
    help: 'With `cluster: directory`, the folder that all pods share. Its subfolders `peers` and `status` are made when they are missing; `manifests` is waited for, because an empty folder would mean that everything was deleted.',
  }),
  derivedOption('directory.manifests', folder, subfolder('manifests'), {
    help: 'Folder of the YAML manifests to serve: the same files that `kubectl apply` takes. Changes are picked up as they happen.',
  }),
  derivedOption('directory.peers', folder, subfolder('peers'), {
    help: 'Folder in which each pod registers itself and finds its peers.',
  }),
  derivedOption('directory.status', folder, subfolder('status'), {
    help: "Folder to which each zone's status is written.",
  }),

  option('kubernetes.namespaces', listOf('namespaces or "*"', namespaceOrAll), [], {
    help: "With `cluster: kubernetes`, the namespaces whose zones and records this pod reads; `*` for all of them. When nothing is set, the pod's own. All pods of a cluster need the same.",
  }),
  derivedOption(
    'kubernetes.server',
    text('a URL'),
    { told: "the API server that the pod's environment names", from: (host) => host.apiServer },
    { help: 'URL of the API server.' },
  ),
  option('kubernetes.tokenFile', text('a file'), `${serviceAccount}/token`, {
    help: 'File of the token that is shown to the API server. It is read again when the kubelet replaces it.',
  }),
  option('kubernetes.caFile', text('a file'), `${serviceAccount}/ca.crt`, {
    help: 'File of the certificates by which the API server is known, in PEM. When it is set to nothing, those of Node.js.',
  }),
  option('kubernetes.kubeconfig', text('a file'), '', {
    help: 'A kubeconfig to use in place of the three above: from a laptop, for `get`, `explain` and `plan`.',
    mustExist: 'file',
  }),
  option('kubernetes.context', text('a context'), '', {
    help: 'Context of the kubeconfig. When nothing is set, its current one.',
  }),

  derivedOption(
    'pod.name',
    objectName('a name'),
    { told: 'the host name', from: (host) => host.name },
    {
      help: 'Name under which this pod registers; unique among its peers. From the downward API: `metadata.name`.',
    },
  ),
  derivedOption(
    'pod.uid',
    someText('a uid'),
    { told: 'a new one at each start', from: (host) => host.uid },
    {
      help: 'Tells this pod from an earlier one of the same name. From the downward API: `metadata.uid`.',
    },
  ),
  option('pod.namespace', objectName('a name'), 'default', {
    help: 'Namespace whose zones and instances this pod serves. From the downward API: `metadata.namespace`.',
  }),
  derivedOption(
    'pod.ips',
    addresses,
    {
      told: "the machine's addresses, without loopback and link-local ones",
      from: (host) => host.addresses,
    },
    {
      help: 'Addresses at which peers reach this pod, the preferred one first, both families. From the downward API: `status.podIPs`.',
    },
  ),
  option('pod.role', choice('', 'primary', 'secondary'), '', {
    help: "What this pod is for the zones of its cluster. When nothing is set, the role is taken from the pod's labels, then from its `Bind9Instance`; a pod without any role serves nothing and is not ready.",
  }),
  option('pod.clusterName', text('a cluster name'), '', {
    help: "Cluster that this pod belongs to, as zones name it in `clusterRef`. When nothing is set, it is taken from the pod's labels, then from its `Bind9Instance`.",
  }),
  option('pod.instance', text('an instance name'), '', {
    help: "Name of the `Bind9Instance` that this pod is part of. When nothing is set, it is taken from the pod's labels.",
  }),
  option(
    'pod.labels',
    labels,
    {},
    {
      help: 'Labels of this pod, on which the selectors of zones match. Those in `pod.labelsFile` win over these.',
    },
  ),
  option('pod.labelsFile', text('a file'), '', {
    help: 'File of labels that the downward API keeps up to date (`metadata.labels`, one `key="value"` a line). A change takes effect at once, a change of role too.',
    mustExist: 'file',
  }),

  option('dns.port', port, 53, {
    help: 'Port on which named answers DNS, and at which peers reach it.',
  }),
  option('dns.listenOn', listOf('IP addresses or "any"', addressOrAny), ['any'], {
    help: 'Addresses on which named answers DNS. named silently leaves out an address that the machine does not have.',
  }),

  option('http.address', address, '0.0.0.0', {
    help: 'Address on which the agent serves health, metrics, the transfer feed and its page. On a machine with IPv6 only: `::`.',
  }),
  option('http.port', port, 8055, {
    help: "Port of the agent's HTTP server; peers read this pod's transfer feed there.",
  }),

  option('named.controlAddress', address, '127.0.0.1', {
    help: "Address of named's control channel.",
  }),
  option('named.controlPort', port, 9953, { help: "Port of named's control channel." }),
  option('named.statisticsPort', port, 8053, {
    help: "Port of named's statistics channel, on loopback.",
  }),
  option('named.conf', text('a file'), '', {
    help: 'A named.conf of your own to adopt: it is read, what the agent needs is merged in, and the result is written to `paths.config`; the file itself is left alone. When nothing is set, the agent writes all of the configuration.',
    mustExist: 'file',
  }),
  option('named.tools', text('a folder'), '', {
    help: 'Folder of rndc, named-checkconf and the other tools of BIND. When nothing is set, they are looked for in PATH.',
    mustExist: 'folder',
  }),
  option('named.rateLimit', integer(0, 1_000_000), 200, {
    help: 'Most equal answers that named gives to one network (response rate limiting). 0 sets no limit.',
    unit: 'answers per second',
  }),
  option('named.ednsSize', integer(512, 4096), 1232, {
    help: 'Largest answer over UDP. More than 1232 risks fragments, which some networks drop.',
    unit: 'bytes',
  }),
  option('named.maxRecordsPerType', integer(1, 1_000_000), 5000, {
    help: 'Most records of one name and type. named refuses a whole zone that goes beyond it, so the agent leaves such a record set out and says so.',
    unit: 'records',
  }),
  option('named.maxTypesPerName', integer(1, 65_535), 500, {
    help: 'Most record types of one name, with the same consequence.',
    unit: 'types',
  }),

  option('paths.config', absoluteFolder, '/etc/bind/agent', {
    help: 'Folder of the configuration that the agent writes; named is started with the `named.conf` in it.',
  }),
  option('paths.zones', absoluteFolder, '/var/lib/bind/zones', {
    help: 'Folder of zone files, one a zone, in text.',
  }),
  option('paths.newZones', absoluteFolder, '/var/lib/bind/nzd', {
    help: "Folder of named's new-zone database, where the stanzas of zones are kept.",
  }),
  option('paths.state', absoluteFolder, '/var/lib/bind/agent', {
    help: "Folder of the agent's own state: last good contents, its ledger of zones, the trash.",
  }),

  option('keys.cluster', text('a key file'), '', {
    help: 'Key file (`key "name" { … };`) with the TSIG key that all pods of the cluster share. Transfers and notifies between pods are signed with it. Without one, pods know each other by address alone, and zones say so in their status.',
    mustExist: 'secret-file',
  }),
  option('keys.files', listOf('key files', someText('a key file')), [], {
    help: 'More key files: keys that zones name for transfers to others and for updates.',
    mustExist: 'secret-file',
  }),

  option('access.byAddress', truth, false, {
    help: "Asks for a peer's address as well as for its key before a zone is given to it. A new pod then waits until its primaries know its address.",
  }),

  option('serial.style', choice('increment', 'date'), 'increment', {
    help: 'How the next serial of a zone is found: the last one plus one, or at least the date of today as YYYYMMDD00. It never goes backwards.',
  }),

  option('lease.renewSeconds', seconds, 30, {
    help: 'How often this pod renews its registration.',
    unit: 'seconds',
  }),
  option('lease.durationSeconds', seconds, 120, {
    help: 'After how long without a renewal a peer counts as silent: it is not transferred from any more.',
    unit: 'seconds',
  }),
  option('lease.graceSeconds', integer(0, 86400), 300, {
    help: 'How long a silent peer stays in notify and access lists before it is forgotten.',
    unit: 'seconds',
  }),

  option('start.deadlineSeconds', integer(0, 86400), 60, {
    help: 'How long named is kept from starting while there is nothing to serve yet: no data on disk, and no cluster to ask.',
    unit: 'seconds',
  }),

  option('guard.zones', integer(0, 1_000_000), 10, {
    help: 'A plan that drops more zones than this, and more than `guard.percent` of them, is held until it is approved; the zones stay served.',
    unit: 'zones',
  }),
  option('guard.percent', integer(0, 100), 20, {
    help: 'Share of the served zones that a plan may drop without being held. See `guard.zones`.',
    unit: 'percent',
  }),

  option('webhook.port', port, 8443, {
    help: 'Port on which `bind9-agent webhook` answers the API server, probes and Prometheus, by HTTPS.',
  }),
  option('webhook.name', clusterName, 'bind9-agent-webhook', {
    help: 'Name of the Service by which the API server reaches the webhook, and of its Secret, its webhook configurations and its Deployment.',
  }),
  option('webhook.namespace', clusterName, 'bind9-agent-system', {
    help: 'Namespace of that Service. From the downward API: `metadata.namespace`.',
  }),
  option('webhook.hosts', listOf('names or IP addresses', someText('a name')), [], {
    help: 'More names and addresses that the certificate is made for, where the API server reaches the webhook by a URL.',
  }),
  option('webhook.validSeconds', integer(10, 315_360_000), 7_776_000, {
    help: 'How long a certificate that the webhook makes is valid. After two thirds of it the next one is made.',
    unit: 'seconds',
  }),
  option('webhook.certFile', text('a file'), '', {
    help: 'File of the certificate, in PEM, where somebody else makes it (cert-manager). It is read again when it changes. When nothing is set, the webhook makes its own and keeps the `caBundle` of its configurations up to date.',
    mustExist: 'file',
  }),
  option('webhook.keyFile', text('a file'), '', {
    help: 'File of the key to it, in PEM.',
    mustExist: 'secret-file',
  }),

  option('inject.image', text('an image'), '', {
    help: 'Image of the agents that the webhook puts into pods. When nothing is set, `bind9-agent` of its own version.',
  }),
  option('inject.keySecret', secretKey, '', {
    help: 'Key of a Secret, in the namespace of the pod, with the key file of the cluster. Without one, pods know each other by address alone.',
  }),
  option(
    'inject.moreKeySecrets',
    listOf('secret/key, as in bind9-keys/cluster.key', secretKey),
    [],
    {
      help: 'Key files that zones name, in Secrets as well.',
    },
  ),
  option('inject.serviceAccount', text('a name'), 'bind9-agent', {
    help: 'ServiceAccount for pods that name none. When it is set to nothing, none is given.',
  }),
  option('inject.user', integer(1, 4_294_967_295), 101, {
    help: 'The uid of named and the agent where the pod says none; 101 is that of `bind` in the image of ISC.',
  }),
  option('inject.cpu', quantity, '50m', { help: 'CPU that an agent asks for.' }),
  option('inject.memory', quantity, '160Mi', {
    help: 'Memory that an agent asks for; enough for 1,000 zones.',
  }),
  option('inject.memoryLimit', quantity, '512Mi', {
    help: 'Memory that an agent may take.',
  }),
  option(
    'inject.settings',
    labels,
    {},
    {
      help: 'More settings for every agent that is put in, each by its key: `guard.zones=20`. Not those that follow from the pod.',
    },
  ),

  option('log.level', choice('fatal', 'error', 'warn', 'info', 'debug', 'trace'), 'info', {
    help: 'Least weight of the lines that are logged, to standard error, as JSON.',
  }),
] as const;
