import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { defaultOf } from '../agent/inject/settings.ts';
import { defaultInstallation, installOf } from '../agent/install/install.ts';
import { type Manifest, manifestText } from '../agent/install/manifest.ts';
import { webhookOf } from '../agent/install/webhook.ts';
import { declarations } from '../agent/options/declarations.ts';
import { exampleFile, referencePage } from '../agent/options/reference.ts';
import { agentVersion } from '../agent/version.ts';

const heading =
  '# Generated from agent/resources and agent/install by `npm run check -- --write`; do not edit.\n';

const yamlFile = (path: string, manifests: readonly Manifest[]) =>
  [path, () => heading + manifestText(manifests)] as const;

const webhook = (certManager: boolean) =>
  webhookOf({
    namespace: defaultOf('webhook.namespace'),
    name: defaultOf('webhook.name'),
    port: Number(defaultOf('webhook.port')),
    image: `bind9-agent:${agentVersion()}`,
    certManager,
    settings: new Map(),
  });

const crds = installOf(['crds'], defaultInstallation);
const crdFiles = crds.map((crd) => [`${crd.metadata.name.split('.')[0]}.yaml`, crd] as const);

/** Every file of the repository that is made from a source, by its path. */
export const generatedFiles: readonly (readonly [path: string, make: () => string])[] = [
  ['docs/options.md', () => referencePage(declarations)],
  ['config/agent.example.yaml', () => exampleFile(declarations)],
  ...crdFiles.map(([file, crd]) => yamlFile(`config/crds/${file}`, [crd])),
  [
    'config/crds/kustomization.yaml',
    () => `${heading}resources:\n${crdFiles.map(([file]) => `- ${file}\n`).join('')}`,
  ],
  yamlFile('config/rbac/rbac.yaml', installOf(['rbac'], defaultInstallation)),
  yamlFile('config/webhook/webhook.yaml', webhook(false)),
  yamlFile('config/webhook-cert-manager/webhook.yaml', webhook(true)),
  yamlFile('config/policy/policy.yaml', installOf(['policy'], defaultInstallation)),
];

const root = resolve(import.meta.dirname, '..');

function written(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

/** Paths of the generated files that are not what their source makes now. */
export const outdatedFiles = (): string[] =>
  generatedFiles.filter(([path, make]) => written(path) !== make()).map(([path]) => path);

function put(path: string): void {
  const make = generatedFiles.find(([each]) => each === path)?.[1];
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), make?.() ?? '');
}

/** Tells which generated files are out of date (exit code 1), or with `--write` writes them. */
function main(write: boolean): void {
  const outdated = outdatedFiles();
  for (const path of outdated) {
    if (write) put(path);
    console.error(write ? `wrote ${path}` : `${path} is out of date: npm run check -- --write`);
  }
  process.exitCode = outdated.length > 0 && !write ? 1 : 0;
}

if (import.meta.main) main(process.argv.includes('--write'));
