import { type Manifest, partOf } from './manifest.ts';

const admissionVersion = 'admissionregistration.k8s.io/v1';

/** What the API server knows of a pod from the token that was bound to it. */
const ofToken = (what: 'pod-name' | 'pod-uid'): string => {
  const key = `'authentication.kubernetes.io/${what}'`;
  return `has(request.userInfo.extra) && ${key} in request.userInfo.extra ? request.userInfo.extra[${key}][0] : ''`;
};

/**
 * Pods share a ServiceAccount, and RBAC does not know one from another: with this policy each writes no registration but
 * its own. In every namespace that has a ServiceAccount of this name. Kubernetes 1.30 or newer.
 */
export function leasePolicy(serviceAccount: string): readonly Manifest[] {
  const metadata = { name: `own-lease-of-${serviceAccount}`, labels: partOf };
  return [
    {
      apiVersion: admissionVersion,
      kind: 'ValidatingAdmissionPolicy',
      metadata,
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ['coordination.k8s.io'],
              apiVersions: ['v1'],
              operations: ['CREATE', 'UPDATE', 'DELETE'],
              resources: ['leases'],
              scope: 'Namespaced',
            },
          ],
        },
        matchConditions: [
          {
            name: 'by-an-agent',
            expression: `request.userInfo.username == 'system:serviceaccount:' + request.namespace + ':${serviceAccount}'`,
          },
        ],
        variables: [
          { name: 'pod', expression: ofToken('pod-name') },
          { name: 'uid', expression: ofToken('pod-uid') },
          { name: 'lease', expression: "'bind9-agent.' + variables.pod" },
        ],
        validations: [
          {
            expression: "variables.pod != ''",
            message: 'want a token that is bound to a pod',
            reason: 'Forbidden',
          },
          {
            expression: "request.name == 'bind9-agent.' + variables.pod",
            messageExpression:
              "'want Lease bind9-agent.' + variables.pod + ', got ' + request.name",
            reason: 'Forbidden',
          },
          {
            expression:
              "request.operation == 'DELETE' || has(object.spec.holderIdentity) && object.spec.holderIdentity == variables.uid",
            messageExpression: "'want holderIdentity ' + variables.uid + ', the uid of the pod'",
            reason: 'Forbidden',
          },
        ],
      },
    },
    {
      apiVersion: admissionVersion,
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata,
      spec: { policyName: metadata.name, validationActions: ['Deny'] },
    },
  ];
}
