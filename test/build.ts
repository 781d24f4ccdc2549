import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Metafile } from 'esbuild';

const root = resolve(import.meta.dirname, '..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name?: string };
}

const readManifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

/** Some bundled packages are CommonJS and call `require` for what Node.js itself has; none is for an old Node.js. */
const banner = `import { createRequire as requireFrom } from 'node:module';
if (Number(process.versions.node.split('.')[0]) < 24) {
  process.stderr.write('bind9-agent: needs Node.js 24 or newer, this is ' + process.version + '\\n');
  process.exit(1);
}
const require = requireFrom(import.meta.url);`;

/**
 * Bundles the agent into `outdir`, with source maps and the licences of all that is in it: one file, and another for what is
 * needed only now and then (`import()` in the source). V8 keeps, and works through, whatever stands in a file.
 */
async function bundle(outdir: string): Promise<void> {
  const { version } = readManifest(root);
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { 'bind9-agent': 'agent/main.ts' },
    outdir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    // Older than what it needs, so that an older one gets as far as saying so.
    target: 'node20.11',
    splitting: true,
    chunkNames: '[name]',
    minifyWhitespace: true,
    minifySyntax: true,
    // Names of classes and functions show in logs and stack traces. To shorten them and keep them beside (`keepNames`)
    // costs 8 MB of memory.
    minifyIdentifiers: false,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    banner: { js: banner },
    define: { BUNDLED_VERSION: JSON.stringify(version) },
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
  mkdirSync(outdir, { recursive: true });
  put(join(outdir, 'LICENSE'), readFileSync(join(root, 'LICENSE')));
  put(join(outdir, 'NOTICE'), notice(packageFolders(metafile)));
  // Node.js then knows the bundle for a module wherever the folder is copied to.
  put(
    join(outdir, 'package.json'),
    `${JSON.stringify({ name: 'bind9-agent', version, type: 'module' })}\n`,
  );
  for (const { path, contents } of outputFiles.toReversed()) {
    put(path, contents, path.endsWith('.js') ? 0o755 : 0o644);
  }
}

/** Whole or not at all: two builds may run at once, and an agent may start from what stood there before. */
function put(path: string, content: string | Uint8Array, mode = 0o644): void {
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, content, { mode });
  renameSync(temporary, path);
}

/** The folders of the packages that something was bundled from, sorted by name. */
function packageFolders({ inputs }: Metafile): string[] {
  const folders = Object.keys(inputs).flatMap((path) => {
    const found = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];
    return found === undefined ? [] : [found];
  });
  return [...new Set(folders)].sort();
}

function notice(folders: readonly string[]): string {
  const parts = folders.map((folder) => {
    const { name, version, license, author } = readManifest(join(root, folder));
    const by = typeof author === 'string' ? author : author?.name;
    const text = licenceText(join(root, folder)) ?? `Copyright: ${by ?? `the authors of ${name}`}`;
    return `${'-'.repeat(78)}\n${name} ${version} (${license ?? 'see below'})\n\n${text.trim()}\n`;
  });
  return `bind9-agent is made with the following software, each under its own licence.\n\n${parts.join('\n')}`;
}

function licenceText(folder: string): string | undefined {
  const names = readdirSync(folder).filter((name) => /^(?:licen[cs]e|notice|copying)/i.test(name));
  if (names.length === 0) return undefined;
  return names
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8').trim())
    .join('\n\n');
}

const { values } = parseArgs({
  options: { outdir: { type: 'string', default: join(root, 'dist') } },
});
await bundle(resolve(values.outdir));
process.stderr.write(`built ${join(basename(values.outdir), 'bind9-agent.js')}\n`);
