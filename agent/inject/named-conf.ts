import { type Parsed, parsed, refused } from '../problem.ts';
import { quoted } from '../resources/got.ts';
import { repositoryOf } from './find-named.ts';
import { isCovered } from './folders.ts';
import type { Container, Mount } from './pod-template.ts';
import { annotationNames } from './settings.ts';

/** Where named looks by itself, in images of ISC, of Debian and of Ubuntu. */
const USUAL = '/etc/bind/named.conf';
/** Images whose own named.conf says nothing that anybody would miss. */
const STOCK = ['internetsystemsconsortium/bind9', 'ubuntu/bind9'];

export interface Configured {
  readonly annotation: string | undefined;
  /** What the agent that is there already adopted; empty: nothing. Undefined: there is none, or it was not asked. */
  readonly before: string | undefined;
  /** named's `-c`. */
  readonly given: string | undefined;
  readonly container: Container;
  /** What named mounts, without what is ours. */
  readonly mounts: readonly Mount[];
}

/** The user's named.conf that the agent adopts; empty where it writes one of its own. Problems name the container's field. */
export function confToAdopt({
  annotation,
  before,
  given,
  container,
  mounts,
}: Configured): Parsed<string> {
  if (annotation === 'own') return parsed('');
  const conf = annotation ?? before ?? given ?? USUAL;
  if (conf === '') return parsed('');
  if (!conf.startsWith('/'))
    return refused('args', `want an absolute path after -c, got ${quoted(conf)}`);
  if (isCovered(conf, mounts)) return parsed(conf);
  const untouched = !mounts.some(({ mountPath }) => mountPath.startsWith('/etc/bind'));
  const isStock = STOCK.includes(repositoryOf(container.image ?? ''));
  if (isStock && untouched && conf === USUAL && annotation === undefined) return parsed('');
  return refused(
    'volumeMounts',
    `want ${conf} on a volume, so that the agent can read it too, got it in the image; or, for a configuration of the agent's own, the annotation ${annotationNames.conf}: own`,
  );
}
