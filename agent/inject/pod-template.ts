import type { Static, TObject, TProperties } from 'typebox';
import Type from 'typebox';
import type { Parsed } from '../problem.ts';
import { checkOf, type Findings } from '../resources/check.ts';
import { preserve } from '../resources/schema-parts.ts';

/** The part of a pod that is looked at here; all else in it is kept as it is. */
const object = <P extends TProperties>(fields: P) =>
  Type.Unsafe<Static<TObject<P>> & { [field: string]: unknown }>(
    Type.Object(fields, { [preserve]: true }),
  );
const text = Type.String();
const optional = { text: Type.Optional(text), flag: Type.Optional(Type.Boolean()) };
const words = Type.Optional(Type.Array(text));
const whole = Type.Integer({ minimum: 0, maximum: 4294967295 });
const textMap = Type.Optional(
  Type.Unsafe<Readonly<Record<string, string>>>({
    type: 'object',
    additionalProperties: { type: 'string' },
  }),
);

const mount = object({
  name: text,
  mountPath: text,
  subPath: optional.text,
  subPathExpr: optional.text,
  readOnly: optional.flag,
});

const securityContext = object({
  runAsUser: Type.Optional(whole),
  runAsGroup: Type.Optional(whole),
  fsGroup: Type.Optional(whole),
  sysctls: Type.Optional(Type.Array(object({ name: text, value: text }))),
});

const container = object({
  name: text,
  image: optional.text,
  command: words,
  args: words,
  restartPolicy: optional.text,
  env: Type.Optional(Type.Array(object({ name: text }))),
  ports: Type.Optional(
    Type.Array(
      object({
        containerPort: whole,
        hostPort: Type.Optional(whole),
        name: optional.text,
        protocol: optional.text,
      }),
    ),
  ),
  volumeMounts: Type.Optional(Type.Array(mount)),
  startupProbe: Type.Optional(object({})),
  lifecycle: Type.Optional(object({ preStop: Type.Optional(object({})) })),
  securityContext: Type.Optional(securityContext),
});

const podTemplate = object({
  metadata: Type.Optional(object({ labels: textMap, annotations: textMap })),
  spec: object({
    containers: Type.Array(container, { minItems: 1 }),
    initContainers: Type.Optional(Type.Array(container)),
    volumes: Type.Optional(Type.Array(object({ name: text }))),
    hostNetwork: optional.flag,
    serviceAccountName: optional.text,
    serviceAccount: optional.text,
    automountServiceAccountToken: optional.flag,
    terminationGracePeriodSeconds: Type.Optional(whole),
    securityContext: Type.Optional(securityContext),
  }),
});

/** A pod, or the template that a workload makes its pods from. */
export type PodTemplate = Static<typeof podTemplate>;
export type PodSpec = PodTemplate['spec'];
export type Container = Static<typeof container>;
export type Mount = Static<typeof mount>;
export type SecurityContext = Static<typeof securityContext>;
export type Volume = NonNullable<PodSpec['volumes']>[number];

const check = checkOf(podTemplate);

/** Reads a pod as far as it matters here, without fields that are null. Problems name the field within the template. */
export function readTemplate(value: unknown): Parsed<PodTemplate> {
  const found: Findings = { problems: [], warnings: [] };
  const read = check.read(value, '', found);
  return found.problems.length > 0
    ? { ok: false, problems: found.problems }
    : { ok: true, value: read as PodTemplate };
}
