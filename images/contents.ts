// What is in the agent's image, as SPDX 2.3 JSON on standard output:
//   node contents.ts NOTICE package-lock.json dpkg-status os-release
// NOTICE is that of the bundle. It tells what the bundler truly took, which is neither all that npm installs nor less.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

interface Part {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly purl: string;
  readonly cpe?: string;
  readonly sha512?: string;
}

const [notice = '', lock = '', status = '', release = ''] = process.argv
  .slice(2)
  .map((file) => readFileSync(file, 'utf8'));

/** Characters of a version that a package URL does not take as they are; npm's scope has one too. */
const escaped = (text: string): string =>
  encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%3A', ':');

interface Locked {
  readonly version: string;
  readonly integrity?: string;
}

function npmParts(): Part[] {
  const { packages }: { packages: Record<string, Locked> } = JSON.parse(lock);
  const locked = Object.entries(packages);
  return [...notice.matchAll(/^-{78}\n(\S+) (\S+) \((.+)\)$/gm)].map(
    ([, name = '', version = '', license = '']) => {
      const [, found] =
        locked.find(
          ([path, each]) => path.endsWith(`node_modules/${name}`) && each.version === version,
        ) ?? [];
      if (found === undefined) throw new Error(`${name} ${version} is not in the lock file`);
      const sha512 = /^sha512-(\S+)$/.exec(found.integrity ?? '')?.[1];
      return {
        name,
        version,
        license,
        purl: `pkg:npm/${escaped(name)}@${escaped(version)}`,
        ...(sha512 === undefined ? {} : { sha512: Buffer.from(sha512, 'base64').toString('hex') }),
      };
    },
  );
}

function debianParts(): Part[] {
  const distribution = `debian-${/^VERSION_ID="?([^"\n]+)/m.exec(release)?.[1] ?? ''}`;
  return status
    .split('\n\n')
    .filter((entry) => /^Status: install ok installed$/m.test(entry))
    .map((entry) => {
      const field = (name: string): string =>
        new RegExp(`^${name}: (.*)$`, 'm').exec(entry)?.[1] ?? '';
      const [name, version, source] = [field('Package'), field('Version'), field('Source')];
      const qualifiers = [
        `arch=${field('Architecture')}`,
        `distro=${distribution}`,
        ...(source === '' ? [] : [`upstream=${escaped(source.split(' ')[0] ?? '')}`]),
      ];
      return {
        name,
        version,
        license: 'NOASSERTION',
        purl: `pkg:deb/debian/${escaped(name)}@${escaped(version)}?${qualifiers.join('&')}`,
      };
    });
}

const nodeParts = (): Part[] => {
  const version = process.versions.node;
  return [
    {
      name: 'node',
      version,
      license: 'MIT',
      purl: `pkg:generic/node@${version}`,
      cpe: `cpe:2.3:a:nodejs:node.js:${version}:*:*:*:*:*:*:*`,
    },
  ];
};

const idOf = ({ name, version, purl }: Part): string =>
  `SPDXRef-${purl.slice(4, purl.indexOf('/'))}-${`${name}-${version}`.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`;

function packageOf(part: Part): object {
  const reference = (referenceCategory: string, referenceType: string, locator: string) => ({
    referenceCategory,
    referenceType,
    referenceLocator: locator,
  });
  return {
    SPDXID: idOf(part),
    name: part.name,
    versionInfo: part.version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseDeclared: part.license,
    externalRefs: [
      reference('PACKAGE-MANAGER', 'purl', part.purl),
      ...(part.cpe === undefined ? [] : [reference('SECURITY', 'cpe23Type', part.cpe)]),
    ],
    ...(part.sha512 === undefined
      ? {}
      : { checksums: [{ algorithm: 'SHA512', checksumValue: part.sha512 }] }),
  };
}

const { name, version }: { name: string; version: string } = JSON.parse(lock);
const self: Part = { name, version, license: 'Apache-2.0', purl: `pkg:generic/${name}@${version}` };
const parts = [...npmParts(), ...nodeParts(), ...debianParts()];
const packages = [self, ...parts].map(packageOf);
const hash = createHash('sha256').update(JSON.stringify(packages)).digest('hex');
const document = {
  spdxVersion: 'SPDX-2.3',
  dataLicense: 'CC0-1.0',
  SPDXID: 'SPDXRef-DOCUMENT',
  name: `${name}-${version}`,
  // Unique to these contents, as SPDX wants it; nothing is to be found there.
  documentNamespace: `urn:sha256:${hash}`,
  creationInfo: {
    created: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    creators: [`Organization: ${name}`],
  },
  documentDescribes: [idOf(self)],
  packages,
  relationships: parts.map((part) => ({
    spdxElementId: idOf(self),
    relationshipType: 'CONTAINS',
    relatedSpdxElement: idOf(part),
  })),
};
process.stdout.write(`${JSON.stringify(document, undefined, 1)}\n`);
