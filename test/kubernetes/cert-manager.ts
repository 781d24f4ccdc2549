import { join } from 'node:path';
import { type Built, provideBuilt, type Source } from '../containers/built.ts';

const kinds = ['certificaterequests', 'certificates', 'clusterissuers', 'issuers'];
const program = 'cert-manager';

const source: Source = {
  name: 'cert-manager',
  tools: join(import.meta.dirname, 'cert-manager'),
  module: 'github.com/cert-manager/cert-manager',
  build: (_, folder) => ['-trimpath', '-ldflags', '-s -w', '-o', join(folder, program), '.'],
  programs: [program],
  own: ['main.go'],
  beside: kinds.map((kind) => `deploy/crds/cert-manager.io_${kind}.yaml`),
};

/** Of cert-manager: its program and CRDs, built where the user's cache folder does not have them yet (2 minutes on two cores). */
export const provideCertManager = (): Promise<Built> =>
  provideBuilt(source, (line) => process.stderr.write(`${line}\n`));

export const certManagerProgram = (folder: string): string => join(folder, program);
export const certManagerCrds = (folder: string): string[] =>
  kinds.map((kind) => join(folder, `cert-manager.io_${kind}.yaml`));
