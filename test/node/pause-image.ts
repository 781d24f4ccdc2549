import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../agent/process.ts';

/** The name that the container runtime knows the image by. */
export const pauseImage = 'bind9-agent.test/pause:1';

const source = join(import.meta.dirname, 'pause');
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'bind9-agent');

/** An archive as of `docker save` with one tiny program in it, made once; no registry has to be asked for it. */
export async function providePauseImage(): Promise<string> {
  const hash = createHash('sha256')
    .update(readFileSync(join(source, 'main.go')))
    .update(pauseImage);
  const archive = join(cache, 'node', `pause-${hash.digest('hex').slice(0, 12)}.tar`);
  if (existsSync(archive)) return archive;
  const work = mkdtempSync(join(tmpdir(), 'pause-'));
  try {
    await must('env', [
      'CGO_ENABLED=0',
      'GOWORK=off',
      'go',
      'build',
      '-ldflags',
      '-s -w',
      '-o',
      `${work}/pause`,
      '.',
    ]);
    await must('tar', ['-C', work, '-cf', `${work}/layer.tar`, 'pause']);
    const layer = createHash('sha256')
      .update(readFileSync(`${work}/layer.tar`))
      .digest('hex');
    const config = {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Entrypoint: ['/pause'], User: '65535:65535' },
      rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    };
    writeFileSync(`${work}/config.json`, JSON.stringify(config));
    const manifest = [{ Config: 'config.json', RepoTags: [pauseImage], Layers: ['layer.tar'] }];
    writeFileSync(`${work}/manifest.json`, JSON.stringify(manifest));
    mkdirSync(join(cache, 'node'), { recursive: true });
    const half = `${archive}.${process.pid}`;
    await must('tar', ['-C', work, '-cf', half, 'manifest.json', 'config.json', 'layer.tar']);
    renameSync(half, archive);
    return archive;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function must(file: string, args: readonly string[]): Promise<void> {
  const ran = await run(file, args, { cwd: source, timeoutMs: 300_000 });
  if (!ran.ok) throw new Error(`${file}: ${ran.message}\n${ran.stderr}`);
}
