import { clusterContract } from './contract.ts';
import { directoryHarness } from './directory-harness.ts';

clusterContract('a cluster in shared folders', directoryHarness);
