/**
 * The blocks of Bindy's page "Secondary DNS Instances", each as it stands there. Their namespace is `dns-system`; since the
 * page uses one name for different instances, each story takes place in a namespace of its own.
 */

export const secondaryInstance = `apiVersion: bindy.firestoned.io/v1alpha1
kind: Bind9Instance
metadata:
  name: secondary-dns
  namespace: dns-system
  labels:
    dns-role: secondary
    environment: production
spec:
  replicas: 1
  version: "9.18"
  config:
    recursion: false
    allowQuery:
      - "0.0.0.0/0"
`;

export const secondaryZone = `apiVersion: bindy.firestoned.io/v1alpha1
kind: DNSZone
metadata:
  name: example-com-secondary
  namespace: dns-system
spec:
  zoneName: example.com
  type: secondary
  instanceSelector:
    matchLabels:
      dns-role: secondary
  secondaryConfig:
    primaryServers:
      - "10.0.1.10"  # IP of primary DNS server
      - "10.0.1.11"  # Additional primary for redundancy
`;

export const clusterInstance = `apiVersion: bindy.firestoned.io/v1alpha1
kind: Bind9Instance
metadata:
  name: secondary-dns
  namespace: dns-system
  labels:
    role: secondary          # Required for discovery
    cluster: production      # Must match cluster name
spec:
  replicas: 2
  version: "9.18"
  config:
    recursion: false
`;

export const clusterZone = `apiVersion: bindy.firestoned.io/v1alpha1
kind: DNSZone
metadata:
  name: example-com
  namespace: dns-system
spec:
  zoneName: example.com
  clusterRef: production  # Matches cluster label
  # ... other config ...
`;

export const noTransfers = `spec:
  config:
    allowTransfer: []  # Empty or omitted - no transfers from secondary
`;

export const region = `# Secondary in different AZ/region
metadata:
  labels:
    dns-role: secondary
    region: us-west-1
`;

/** What the page leaves out of it. */
export const completeZone = `${clusterZone}  nameServers:
    - hostname: ns1.example.com.
      ipv4Address: 192.0.2.53
`;

/** The primary that the page takes for granted. */
export const primaryInstance = clusterInstance
  .replace('secondary-dns', 'primary-dns')
  .replace('role: secondary  ', 'role: primary  ')
  .replace('replicas: 2', 'replicas: 1');
