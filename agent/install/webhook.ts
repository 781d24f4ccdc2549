import { INJECT } from '../inject/settings.ts';
import { environmentName } from '../options/names.ts';
import { kindSchemas } from '../resources/schema.ts';
import { apiGroup, apiVersions } from '../resources/types.ts';
import { type Manifest, partOf } from './manifest.ts';
import { granted, type Rule } from './rbac.ts';

/** How the webhook is installed. */
export interface WebhookInstallation {
  readonly namespace: string;
  /** Of the Service, the Deployment, the Secret and the webhook configurations. */
  readonly name: string;
  readonly port: number;
  /** The agent's, which is the webhook's as well. */
  readonly image: string;
  /** The certificate is made by cert-manager. */
  readonly certManager: boolean;
  /** More settings of the webhook: path of an option → its text. */
  readonly settings: ReadonlyMap<string, string>;
}

const admissionVersion = 'admissionregistration.k8s.io/v1';
const certManagerVersion = 'cert-manager.io/v1';
const CERTIFICATE_FOLDER = '/etc/bind9-agent/tls';
/** A review takes some milliseconds; the rest is for a replica that has just gone. */
const MUTATE_S = 5;
const VALIDATE_S = 2;

/** The webhook and all that it needs, in the order in which it is to be applied. */
export function webhookOf(installation: WebhookInstallation): readonly Manifest[] {
  const { namespace, name, certManager } = installation;
  const common = { name, namespace, labels: partOf };
  const subjects = [{ kind: 'ServiceAccount', name, namespace }];
  return [
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: {
        name: namespace,
        labels: { ...partOf, 'pod-security.kubernetes.io/enforce': 'restricted' },
      },
    },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: common },
    ...(certManager
      ? certificateOf(installation)
      : [
          ...granted('Role', { name, namespace }, secretRules(name), subjects),
          ...granted('ClusterRole', { name }, configurationRules(name), subjects),
        ]),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: common,
      spec: {
        selector: selected(name),
        ports: [{ name: 'https', port: 443, targetPort: 'https' }],
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: common,
      spec: { minAvailable: 1, selector: { matchLabels: selected(name) } },
    },
    deployment(installation),
    ...configurations(installation),
  ];
}

const selected = (name: string) => ({ 'app.kubernetes.io/name': name });

/** Its own Secret. To make one by server-side apply has the name in the request, so that it can be judged by it. */
const secretRules = (name: string): readonly Rule[] => [
  {
    apiGroups: [''],
    resources: ['secrets'],
    resourceNames: [name],
    verbs: ['get', 'create', 'patch'],
  },
];

/** The `caBundle` of its own configurations. */
const configurationRules = (name: string): readonly Rule[] => [
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'],
    resourceNames: [name],
    verbs: ['get', 'patch'],
  },
];

/**
 * An authority that lives long, and a certificate signed by it: API servers hear of a renewed one sooner than the kubelet
 * brings it to the pods, and it has to be one that they trust already.
 */
function certificateOf({ namespace, name }: WebhookInstallation): readonly Manifest[] {
  const object = (kind: string, called: string, spec: object): Manifest => ({
    apiVersion: certManagerVersion,
    kind,
    metadata: { name: called, namespace, labels: partOf },
    spec,
  });
  const authority = `${name}-ca`;
  const key = { algorithm: 'ECDSA', size: 256 };
  return [
    object('Issuer', authority, { selfSigned: {} }),
    object('Certificate', authority, {
      isCA: true,
      commonName: authority,
      secretName: authority,
      duration: '87600h0m0s',
      issuerRef: { kind: 'Issuer', name: authority },
      // A renewed authority vouches for what was signed before, too: pods serve that for a while.
      privateKey: { ...key, rotationPolicy: 'Never' },
    }),
    object('Issuer', name, { ca: { secretName: authority } }),
    object('Certificate', name, {
      secretName: name,
      dnsNames: [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`],
      issuerRef: { kind: 'Issuer', name },
      privateKey: { ...key, rotationPolicy: 'Always' },
    }),
  ];
}

function deployment(installation: WebhookInstallation): Manifest {
  const { namespace, name, port, image, certManager } = installation;
  const labels = selected(name);
  const probe = (path: string) => ({ httpGet: { path, port: 'https', scheme: 'HTTPS' } });
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace, labels: partOf },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: { ...partOf, ...labels } },
        spec: {
          serviceAccountName: name,
          ...(certManager ? { automountServiceAccountToken: false } : {}),
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 30,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              // A cluster of one node is to have two all the same.
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: labels },
            },
          ],
          containers: [
            {
              name: 'webhook',
              image,
              args: ['webhook'],
              env: environment(installation),
              ports: [{ name: 'https', containerPort: port }],
              startupProbe: { ...probe('/livez'), periodSeconds: 1, failureThreshold: 60 },
              livenessProbe: { ...probe('/livez'), periodSeconds: 10, failureThreshold: 6 },
              readinessProbe: { ...probe('/readyz'), periodSeconds: 2, failureThreshold: 2 },
              resources: {
                requests: { cpu: '20m', memory: '128Mi' },
                limits: { memory: '256Mi' },
              },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              ...(certManager
                ? { volumeMounts: [{ name: 'tls', mountPath: CERTIFICATE_FOLDER, readOnly: true }] }
                : {}),
            },
          ],
          ...(certManager ? { volumes: [{ name: 'tls', secret: { secretName: name } }] } : {}),
        },
      },
    },
  };
}

function environment({ name, port, image, certManager, settings }: WebhookInstallation) {
  const values = new Map([
    ['webhook.name', name],
    ['webhook.port', String(port)],
    ['inject.image', image],
    ...(certManager
      ? [
          ['webhook.certFile', `${CERTIFICATE_FOLDER}/tls.crt`] as const,
          ['webhook.keyFile', `${CERTIFICATE_FOLDER}/tls.key`] as const,
        ]
      : []),
    ...settings,
  ]);
  return [
    {
      name: environmentName('webhook.namespace'),
      valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } },
    },
    ...[...values].map(([path, value]) => ({ name: environmentName(path), value })),
  ];
}

/** What the API server asks for. No `caBundle`: the webhook writes it, or cert-manager does, and an apply leaves it alone. */
function configurations({
  namespace,
  name,
  certManager,
}: WebhookInstallation): readonly Manifest[] {
  const metadata = {
    name,
    labels: partOf,
    ...(certManager
      ? { annotations: { 'cert-manager.io/inject-ca-from': `${namespace}/${name}` } }
      : {}),
  };
  const common = (path: string) => ({
    admissionReviewVersions: ['v1'],
    clientConfig: { service: { name, namespace, path, port: 443 } },
    sideEffects: 'None',
  });
  // What has to be there for the webhook to run must not wait for it.
  const elsewhere = {
    key: 'kubernetes.io/metadata.name',
    operator: 'NotIn',
    values: ['kube-system', namespace],
  };
  return [
    {
      apiVersion: admissionVersion,
      kind: 'MutatingWebhookConfiguration',
      metadata,
      webhooks: [
        {
          name: `inject.agent.${apiGroup}`,
          ...common('/mutate'),
          rules: [
            {
              apiGroups: [''],
              apiVersions: ['v1'],
              operations: ['CREATE'],
              resources: ['pods'],
              scope: 'Namespaced',
            },
          ],
          namespaceSelector: { matchLabels: { [INJECT]: 'true' }, matchExpressions: [elsewhere] },
          objectSelector: { matchLabels: { [INJECT]: 'true' } },
          failurePolicy: 'Fail',
          matchPolicy: 'Equivalent',
          reinvocationPolicy: 'IfNeeded',
          timeoutSeconds: MUTATE_S,
        },
      ],
    },
    {
      apiVersion: admissionVersion,
      kind: 'ValidatingWebhookConfiguration',
      metadata,
      webhooks: [
        {
          name: `warn.agent.${apiGroup}`,
          ...common('/validate'),
          rules: [
            {
              apiGroups: [apiGroup],
              apiVersions: apiVersions.map((version) => version.slice(apiGroup.length + 1)),
              operations: ['CREATE', 'UPDATE'],
              resources: Object.values(kindSchemas).map(({ plural }) => plural),
              scope: 'Namespaced',
            },
          ],
          namespaceSelector: { matchExpressions: [elsewhere] },
          failurePolicy: 'Ignore',
          matchPolicy: 'Equivalent',
          timeoutSeconds: VALIDATE_S,
        },
      ],
    },
  ];
}
