import type { Context } from '../context.ts';
import { defaultOf } from '../inject/settings.ts';
import { type InstallPart, installOf } from '../install/install.ts';
import { type Manifest, manifestText } from '../install/manifest.ts';
import type { Installation } from '../install/rbac.ts';
import { webhookOf } from '../install/webhook.ts';
import { declarations } from '../options/declarations.ts';
import { flagName } from '../options/names.ts';
import { tellProblems } from '../options/tell-problems.ts';
import { type Parsed, type Problem, parsed } from '../problem.ts';

export interface ManifestsRequest {
  readonly parts: readonly InstallPart[];
  readonly installation: Installation;
  readonly webhook?: { readonly certManager: boolean };
}

/**
 * Prints what a cluster needs before agents can run in it, for `kubectl apply -f -`. Returns the exit code.
 *
 * @param flags settings that were given: those of the webhook are for its Deployment
 */
export async function manifests(
  { parts, installation, webhook }: ManifestsRequest,
  flags: ReadonlyMap<string, unknown>,
  context: Pick<Context, 'print' | 'complain' | 'version'>,
): Promise<number> {
  const more = webhook === undefined ? parsed([]) : webhookManifests(webhook, flags, context);
  if (!more.ok) {
    context.complain(tellProblems(more.problems));
    return 2;
  }
  await context.print(manifestText([...installOf(parts, installation), ...more.value]));
  return 0;
}

function webhookManifests(
  { certManager }: { readonly certManager: boolean },
  flags: ReadonlyMap<string, unknown>,
  { version }: Pick<Context, 'version'>,
): Parsed<readonly Manifest[]> {
  const problems: Problem[] = [];
  const settings = new Map<string, string>();
  for (const [path, raw] of flags) {
    const value = declarations.find((each) => each.path === path)?.kind.read(raw);
    const path_ = flagName(path);
    if (value?.ok === false)
      problems.push(...value.problems.map(({ problem }) => ({ path: path_, problem })));
    else if (/^(?:webhook\.|inject\.|log\.|http\.address$)/.test(path))
      settings.set(path, String(raw));
    else problems.push({ path: path_, problem: 'want nothing: it is no setting of the webhook' });
  }
  if (problems.length > 0) return { ok: false, problems };
  const take = (path: string, fallback = defaultOf(path)): string => {
    const value = settings.get(path) ?? fallback;
    settings.delete(path);
    return value;
  };
  return parsed(
    webhookOf({
      namespace: take('webhook.namespace'),
      name: take('webhook.name'),
      port: Number(take('webhook.port')),
      image: take('inject.image', `bind9-agent:${version}`),
      certManager,
      settings,
    }),
  );
}
