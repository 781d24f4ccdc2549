/** An object as a test wants it; its manifest is YAML (JSON is YAML). */
export interface TestObject {
  readonly kind: 'DNSZone' | 'Bind9Instance' | 'ARecord';
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

export const zone = (name: string, spec: Readonly<Record<string, unknown>> = {}): TestObject => ({
  kind: 'DNSZone',
  name,
  spec: { zoneName: `${name}.example`, clusterRef: 'main', ...spec },
});

export const record = (name: string, zoneRef: string, address: string): TestObject => ({
  kind: 'ARecord',
  name,
  spec: { zoneRef, name, ipv4Addresses: [address] },
});

export const instance = (name: string, role: string): TestObject => ({
  kind: 'Bind9Instance',
  name,
  spec: { clusterRef: 'main', role, replicas: 1 },
});

/** Ends with a line end, as what editors and tools write does. */
export const manifestText = ({ kind, name, spec }: TestObject): string =>
  [
    'apiVersion: bindy.firestoned.io/v1beta1',
    `kind: ${kind}`,
    `metadata: { name: ${name}, namespace: default }`,
    'spec:',
    ...Object.entries(spec).map(([field, value]) => `  ${field}: ${JSON.stringify(value)}`),
    '',
  ].join('\n');
