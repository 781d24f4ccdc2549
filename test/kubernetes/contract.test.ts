import { clusterContract } from '../cluster/contract.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { kubernetesHarness } from './cluster-harness.ts';
import { installCrds } from './install.ts';
import { takeAnyZone } from './loose-zones.ts';

/** Zones may be wrong here: with the CRDs of others they may, too. */
const plane = useControlPlane({}, async (plane) => {
  await installCrds(plane);
  await takeAnyZone(plane);
});

clusterContract('a Kubernetes cluster', () => kubernetesHarness(plane()));
