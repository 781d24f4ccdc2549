import { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import { namedPod, type Replica, type WebhookRig } from './webhook-rig.ts';

/** Of the certificate that a new connection gets; one that does not trust these authorities (PEM) gets none. */
export const servedBy = ({ port }: Replica, ca?: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
    const socket = connect({ host: '127.0.0.1', port, ...trust }, () => {
      resolve(new X509Certificate(socket.getPeerCertificate().raw).serialNumber);
      socket.destroy();
    });
    socket.once('error', reject);
  });

/** Labelled pods, one after the other, until it is told to stop; what went wrong with any. */
export function load(rig: WebhookRig, namespace: string) {
  const state = { done: false, count: 0 };
  const refused: string[] = [];
  const run = async () => {
    while (!state.done) {
      const pod = namedPod(`dns-${state.count}`);
      const { code, message, pod: made } = await rig.create(namespace, pod, '?dryRun=All');
      if (code !== 201) refused.push(message);
      else if (made.spec.initContainers === undefined) refused.push('without the agent');
      state.count += 1;
    }
  };
  const runs = [run(), run()];
  return {
    state,
    refused,
    stop: async () => {
      state.done = true;
      await Promise.all(runs);
    },
  };
}
