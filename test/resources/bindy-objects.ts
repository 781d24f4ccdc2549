/** Objects as Bindy's users have them: v1alpha1 as its pages on secondary instances show them, v1beta1 as of 0.6. */

import {
  clusterInstance,
  clusterZone,
  secondaryInstance,
  secondaryZone,
} from '../kubernetes/seed-page.ts';

/** All of the page in one file: it uses one name for two instances. */
export const seedPage = [
  secondaryInstance,
  secondaryZone,
  clusterInstance.replace('name: secondary-dns', 'name: secondary-dns-2'),
  clusterZone,
].join('---\n');

/** What the page shows as parts of an instance only. */
export const seedParts = `
apiVersion: bindy.firestoned.io/v1alpha1
kind: Bind9Instance
metadata:
  name: in-parts
  labels:
    role: secondary      # Required for automatic discovery
    cluster: production  # Required - must match cluster name
    dns-role: secondary
    region: us-west-1
spec:
  config:
    allowTransfer: []  # Empty or omitted - no transfers from secondary
`;

export const v1alpha1 = `
apiVersion: bindy.firestoned.io/v1alpha1
kind: Bind9Cluster
metadata: {name: production, namespace: dns-system}
spec:
  version: "9.18"
  primary: {replicas: 1}
  secondary: {replicas: 2}
  global:
    recursion: false
    allowQuery: [any]
    allowTransfer: ["10.0.0.0/8"]
    dnssec: {validation: true}
---
apiVersion: bindy.firestoned.io/v1alpha1
kind: DNSZone
metadata: {name: example-com, namespace: dns-system}
spec:
  zoneName: example.com
  clusterRef: production
  soaRecord:
    primaryNs: ns1.example.com.
    adminEmail: admin.example.com.
    serial: 2026010101
    refresh: 3600
    retry: 600
    expire: 604800
    negativeTtl: 86400
  ttl: 3600
  nameServerIps:
    ns1.example.com.: 192.0.2.1
    ns2.example.com.: "2001:db8::2"
---
apiVersion: bindy.firestoned.io/v1alpha1
kind: ARecord
metadata: {name: www, namespace: dns-system}
spec: {zone: example.com, name: www, ipv4Address: 192.0.2.10, ttl: 300}
---
apiVersion: bindy.firestoned.io/v1alpha1
kind: AAAARecord
metadata: {name: www, namespace: dns-system}
spec: {zoneRef: example-com, name: www, ipv6Address: "2001:DB8::10"}
---
apiVersion: bindy.firestoned.io/v1alpha1
kind: TXTRecord
metadata: {name: spf, namespace: dns-system}
spec: {zoneRef: example-com, name: "@", text: ["v=spf1 mx -all"]}
---
apiVersion: bindy.firestoned.io/v1alpha1
kind: CNAMERecord
metadata: {name: blog, namespace: dns-system}
spec: {zoneRef: example-com, name: blog, target: www.example.com.}
`;

export const v1beta1 = `
apiVersion: bindy.firestoned.io/v1beta1
kind: ClusterBind9Provider
metadata: {name: shared}
spec: {namespace: dns-system, version: "9.18"}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: Bind9Cluster
metadata: {name: production, namespace: dns-system}
spec:
  version: "9.18"
  image: {image: "internetsystemsconsortium/bind9:9.18"}
  configMapRefs: {namedConf: mine}
  primary:
    replicas: 2
    labels: {tier: front}
    service: {annotations: {a: b}, spec: {type: LoadBalancer}}
    allowTransfer: [10.0.0.0/8]
    rndcKey: {autoRotate: true, rotateAfter: 720h, algorithm: hmac-sha256}
  secondary: {replicas: 2}
  rndcSecretRefs: [{name: x, algorithm: hmac-sha256}]
  acls: {internal: [10.0.0.0/8]}
  volumes: [{name: v, emptyDir: {}}]
  volumeMounts: [{name: v, mountPath: /v}]
---
apiVersion: bindy.firestoned.io/v1beta1
kind: Bind9Instance
metadata: {name: primary-0, namespace: dns-system, labels: {bindy.firestoned.io/role: primary}}
spec:
  clusterRef: production
  role: primary
  replicas: 1
  version: "9.18"
  image: {image: "internetsystemsconsortium/bind9:9.18", imagePullPolicy: Always, imagePullSecrets: [a]}
  configMapRefs: {namedConf: a, namedConfOptions: b, namedConfZones: c}
  config:
    recursion: false
    allowQuery: ["0.0.0.0/0", "::/0"]
    allowTransfer: ["!10.0.0.1", "10.0.0.0/8"]
    forwarders: [8.8.8.8, "[2001:4860:4860::8888]:53"]
    listenOn: [any]
    listenOnV6: [any]
    dnssec:
      validation: true
      signing: {enabled: true, policy: default, algorithm: ECDSAP256SHA256, nsec3: true, nsec3Iterations: 0}
    rndcSecretRef: {name: r}
    bindcarConfig: {port: 8080}
  primaryServers: ["10.0.1.10", primary.example.com]
  volumes: []
  volumeMounts: []
  rndcSecretRef: {name: r}
  rndcKey: {autoRotate: false, rotateAfter: 720h}
  storage: {storageType: emptyDir, emptyDir: {}}
  bindcarConfig: {image: "ghcr.io/firestoned/bindcar:v0.7.2", port: 8080, logLevel: debug, envVars: [{name: A, value: b}]}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: DNSZone
metadata:
  name: example-com
  namespace: dns-system
  uid: 0f8fad5b-d9cb-469f-a165-70867728950e
  generation: 4
  creationTimestamp: "2026-01-01T00:00:00Z"
  resourceVersion: "12"
  finalizers: [bindy.firestoned.io/dnszone-finalizer]
spec:
  zoneName: example.com
  clusterRef: production
  bind9InstancesFrom:
    - selector:
        matchLabels: {bindy.firestoned.io/role: primary}
        matchExpressions:
          - {key: region, operator: In, values: [eu, us]}
          - {key: canary, operator: DoesNotExist}
  recordsFrom:
    - selector: {matchLabels: {zone: example.com}}
  soaRecord:
    primaryNs: ns1.example.com.
    adminEmail: admin.example.com.
    serial: 4294967295
    refresh: 3600
    retry: 600
    expire: 604800
    negativeTtl: 0
  nameServers:
    - {hostname: ns1.example.com., ipv4Address: 192.0.2.1, ipv6Address: "2001:db8::1"}
    - {hostname: ns.elsewhere.example.}
  dnssecPolicy: default
status:
  conditions: [{type: Ready, status: "True", reason: Ready, message: "", lastTransitionTime: "2026-01-01T00:00:00Z"}]
  bind9Instances: [{apiVersion: v1, kind: x, name: y, namespace: z, status: Claimed}]
---
apiVersion: bindy.firestoned.io/v1beta1
kind: ARecord
metadata: {name: www, namespace: dns-system, labels: {zone: example.com}}
spec: {name: www, ipv4Addresses: [192.0.2.11, 192.0.2.10], ttl: 300}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: AAAARecord
metadata: {name: www, namespace: dns-system, labels: {zone: example.com}}
spec: {name: www, ipv6Addresses: ["2001:db8::10"]}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: CNAMERecord
metadata: {name: blog, namespace: dns-system}
spec: {name: blog, target: www.example.com.}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: MXRecord
metadata: {name: mail, namespace: dns-system}
spec: {name: "@", priority: 10, mailServer: mail.example.com.}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: NSRecord
metadata: {name: sub, namespace: dns-system}
spec: {name: sub, nameserver: ns1.sub.example.com.}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: TXTRecord
metadata: {name: spf, namespace: dns-system}
spec: {name: "@", text: ["v=spf1 mx -all", ""]}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: SRVRecord
metadata: {name: sip, namespace: dns-system}
spec: {name: _sip._tcp, priority: 0, weight: 5, port: 5060, target: sip.example.com.}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: CAARecord
metadata: {name: caa, namespace: dns-system}
spec: {name: "@", flags: 0, tag: issue, value: letsencrypt.org}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: PTRRecord
metadata: {name: ptr, namespace: dns-system}
spec: {zone: 0/25.2.0.192.in-addr.arpa, name: "10", target: www.example.com.}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: DNSRecord
metadata: {name: sshfp, namespace: dns-system}
spec: {name: www, type: sshfp, data: ["1 1 dd465c09cfa51fb45020cc83316fff21b9ec74ac"]}
`;

/** Its README's quick start: the v1alpha1 form of a record in a v1beta1 object. */
export const quickStart = `
apiVersion: bindy.firestoned.io/v1beta1
kind: ARecord
metadata: {name: www}
spec: {zoneRef: example-com, name: www, ipv4Address: 192.0.2.1}
`;

/** What several teams share, fields that only one of the versions had, and fields that are there and empty. */
export const shared = `
apiVersion: bindy.firestoned.io/v1beta1
kind: ClusterBind9Provider
metadata: {name: shared-dns, labels: {environment: prod}}
spec:
  namespace: dns-system
  version: "9.18"
  primary:
    labels: {team: platform}
    replicas: 2
    rndcKeys: {autoRotate: true, rotateAfter: 720h, algorithm: hmac-sha512}
    service:
      annotations: {pool: front}
      spec: {type: LoadBalancer, externalTrafficPolicy: Local}
  secondary: {replicas: 1}
  global:
    recursion: false
    allowQuery: [any]
    allowTransfer: [10.0.0.0/8]
    dnssec: {validation: true}
    bindcarConfig:
      image: ghcr.io/firestoned/bindcar:v0.5.3
      envVars: [{name: RATE_LIMIT_ENABLED, value: "false"}]
      serviceSpec: {type: LoadBalancer, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: DNSZone
metadata: {name: web, namespace: dns-system, annotations: {bindy.firestoned.io/reconcile-trigger: "1"}}
spec:
  zoneName: web.example.com
  clusterProviderRef: shared-dns
  clusterRef: null
  nameServers: null
  nameServerIps: {ns1.web.example.com.: 192.0.2.60}
  soaRecord:
    primaryNs: ns1.web.example.com.
    adminEmail: dns-admin.example.com.
    serial: 2025010101
    refresh: 3600
    retry: 600
    expire: 604800
    negativeTtl: 86400
  ttl: null
  recordsFrom: [{selector: {matchLabels: {zone-name: web}, matchExpressions: null}}]
---
apiVersion: bindy.firestoned.io/v1alpha1
kind: DNSZone
metadata: {name: api, namespace: dns-system}
spec: {zoneName: api.example.com, globalClusterRef: shared-dns}
---
apiVersion: bindy.firestoned.io/v1beta1
kind: ARecord
metadata: {name: web-app, namespace: dns-system, labels: {zone-name: web}}
spec: {name: app, ipv4Addresses: [192.0.2.100], ttl: null}
`;

/** What Bindy writes into a DNSZone's status. */
export const zoneStatus = {
  observedGeneration: 1,
  conditions: [
    {
      type: 'Ready',
      status: 'False',
      reason: 'DuplicateZone',
      message: 'zone example.com is claimed by another DNSZone',
      lastTransitionTime: '2026-01-03T20:00:00.123456789+00:00',
    },
    { type: 'Degraded', status: 'True' },
  ],
  records: [
    {
      apiVersion: 'bindy.firestoned.io/v1beta1',
      kind: 'ARecord',
      name: 'www',
      namespace: 'dns-system',
      recordName: 'www',
      lastReconciledAt: '2026-01-03T20:00:00Z',
    },
  ],
  recordsCount: 1,
  recordsResyncPending: false,
  bind9Instances: [
    {
      apiVersion: 'bindy.firestoned.io/v1beta1',
      kind: 'Bind9Instance',
      name: 'primary-dns-0',
      namespace: 'dns-system',
      status: 'Configured',
      lastReconciledAt: '2026-01-03T20:00:00Z',
    },
  ],
  bind9InstancesCount: 1,
  dnssec: { signed: true, keyTag: 12345, dsRecords: ['example.com. IN DS 12345 13 2 AB'] },
} as const;

/** What Bindy writes into a record's status. */
export const recordStatus = {
  observedGeneration: 1,
  conditions: [{ type: 'Ready', status: 'True', reason: 'RecordAvailable', message: '' }],
  zone: 'example.com',
  zoneRef: {
    apiVersion: 'bindy.firestoned.io/v1beta1',
    kind: 'DNSZone',
    name: 'example-com',
    namespace: 'dns-system',
    zoneName: 'example.com',
    lastReconciledAt: '2026-01-03T20:00:00Z',
  },
  recordHash: 'c0ffee',
  publishedName: 'www',
  addresses: '192.0.2.10,192.0.2.11',
  lastUpdated: '2026-01-03T20:00:00Z',
} as const;
