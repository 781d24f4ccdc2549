/** A zone with records of every kind; two of them in the older version of the API, each reaching its zone another way. */
export const everyRecord = (zone: string, cluster: string): string => `
apiVersion: bindy.firestoned.io/v1beta1
kind: DNSZone
metadata: { name: every }
spec:
  zoneName: ${zone}
  clusterRef: ${cluster}
  ttl: 600
  nameServers:
    - { hostname: ns1.${zone}., ipv4Address: 192.0.2.53, ipv6Address: "2001:db8::53" }
  recordsFrom:
    - selector: { matchLabels: { zone: every } }
---
apiVersion: bindy.firestoned.io/v1alpha1
kind: ARecord
metadata: { name: old-a }
spec: { zone: ${zone}, name: old, ipv4Address: 192.0.2.1, ttl: 60 }
---
apiVersion: bindy.firestoned.io/v1alpha1
kind: AAAARecord
metadata: { name: old-aaaa }
spec: { zoneRef: every, name: old, ipv6Address: "2001:db8::1" }
---
apiVersion: bindy.firestoned.io/v1beta1
kind: ARecord
metadata: { name: www-a, labels: { zone: every } }
spec: { name: www, ipv4Addresses: [192.0.2.10, 192.0.2.9] }
---
apiVersion: bindy.firestoned.io/v1beta1
kind: AAAARecord
metadata: { name: www-aaaa, labels: { zone: every } }
spec: { name: www, ipv6Addresses: ["2001:db8::9"] }
---
apiVersion: v1
kind: List
items:
  - apiVersion: bindy.firestoned.io/v1beta1
    kind: CNAMERecord
    metadata: { name: alias, labels: { zone: every } }
    spec: { name: alias, target: www }
  - apiVersion: bindy.firestoned.io/v1beta1
    kind: MXRecord
    metadata: { name: mx, labels: { zone: every } }
    spec: { name: "@", priority: 10, mailServer: mail.example.net. }
  - apiVersion: bindy.firestoned.io/v1beta1
    kind: NSRecord
    metadata: { name: ns, labels: { zone: every } }
    spec: { name: child, nameserver: ns.example.net. }
  - apiVersion: bindy.firestoned.io/v1beta1
    kind: TXTRecord
    metadata: { name: txt, labels: { zone: every } }
    spec: { name: "@", text: ["v=spf1 -all", "two; \\"words\\""] }
  - apiVersion: bindy.firestoned.io/v1beta1
    kind: SRVRecord
    metadata: { name: srv, labels: { zone: every } }
    spec: { name: _sip._tcp, priority: 1, weight: 2, port: 5060, target: www }
  - apiVersion: bindy.firestoned.io/v1beta1
    kind: CAARecord
    metadata: { name: caa, labels: { zone: every } }
    spec: { name: "@", flags: 0, tag: issue, value: letsencrypt.org }
  - apiVersion: bindy.firestoned.io/v1beta1
    kind: PTRRecord
    metadata: { name: ptr, labels: { zone: every } }
    spec: { name: "1", target: www.${zone}. }
  - apiVersion: bindy.firestoned.io/v1beta1
    kind: DNSRecord
    metadata: { name: sshfp, labels: { zone: every } }
    spec: { name: www, type: SSHFP, ttl: 30, data: ["1 1 123456789abcdef67890123456789abcdef67890"] }
`;

/** As dig prints them. */
export const everyAnswer = (zone: string): string[] =>
  [
    `${zone}. 600 IN NS ns1.${zone}.`,
    `ns1.${zone}. 600 IN A 192.0.2.53`,
    `ns1.${zone}. 600 IN AAAA 2001:db8::53`,
    `old.${zone}. 60 IN A 192.0.2.1`,
    `old.${zone}. 600 IN AAAA 2001:db8::1`,
    `www.${zone}. 600 IN A 192.0.2.9`,
    `www.${zone}. 600 IN A 192.0.2.10`,
    `www.${zone}. 600 IN AAAA 2001:db8::9`,
    `www.${zone}. 30 IN SSHFP 1 1 123456789ABCDEF67890123456789ABCDEF67890`,
    `alias.${zone}. 600 IN CNAME www.${zone}.`,
    `${zone}. 600 IN MX 10 mail.example.net.`,
    `child.${zone}. 600 IN NS ns.example.net.`,
    `${zone}. 600 IN TXT "v=spf1 -all" "two; \\"words\\""`,
    `_sip._tcp.${zone}. 600 IN SRV 1 2 5060 www.${zone}.`,
    `${zone}. 600 IN CAA 0 issue "letsencrypt.org"`,
    `1.${zone}. 600 IN PTR www.${zone}.`,
  ].sort();
