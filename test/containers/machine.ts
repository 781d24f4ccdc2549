import { readFileSync } from 'node:fs';
import { run } from '../../agent/process.ts';

/** Whether containers can be had here; if not, a sentence that says why and what to do. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** Programs, and the packages of Debian that have them. */
const wanted: Readonly<Record<string, string>> = {
  docker: 'docker.io',
  dockerd: 'docker.io',
  containerd: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  debootstrap: 'debootstrap',
};

const MINUTE_MS = 60_000;

/** Containers need root, and Debian 12, whose packages the base images are made from. What is missing is installed. */
export async function prepareMachine(say: (line: string) => void): Promise<Verdict> {
  if (process.getuid?.() !== 0) return refuse('containers are started as root');
  if (!/^VERSION_CODENAME=bookworm$/m.test(osRelease())) {
    return refuse(
      'base images are made from the packages of Debian 12, and this is another system',
    );
  }
  const missing = await missingPackages();
  if (missing.length === 0) return { ok: true };
  say(`installing ${missing.join(', ')} for the tests of the images`);
  const installed = await install(missing);
  if (installed.ok) return { ok: true };
  return refuse(`no container can be started without ${missing.join(', ')}: ${installed.why}`);
}

const refuse = (why: string): Verdict => ({ ok: false, why });

function osRelease(): string {
  try {
    return readFileSync('/etc/os-release', 'utf8');
  } catch {
    return '';
  }
}

async function missingPackages(): Promise<string[]> {
  const packages = new Set<string>();
  for (const [program, name] of Object.entries(wanted)) {
    const found = await run('sh', ['-c', 'command -v "$0"', program], { timeoutMs: MINUTE_MS });
    if (!found.ok) packages.add(name);
  }
  return [...packages];
}

/** The daemon that comes with the package is not to be started on this machine: ours is another one. */
const script = `
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\\nexit 101\\n' > "$policy" && chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y -o DPkg::Lock::Timeout=600 --no-install-recommends "$@"
`;

async function install(packages: readonly string[]): Promise<Verdict> {
  const ran = await run('sh', ['-c', script, 'sh', ...packages], { timeoutMs: 20 * MINUTE_MS });
  return ran.ok ? { ok: true } : refuse(ran.message);
}
