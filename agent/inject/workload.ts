import type { Problem } from '../problem.ts';
import { isObject, under } from '../resources/got.ts';
import { type Injection, inject } from './inject.ts';
import { keysOf, type Operation, pointer } from './json-patch.ts';
import type { InjectSettings } from './settings.ts';

/** Where each kind has its pod, or the template of its pods; one of the first is the whole object. */
const places: Readonly<Record<string, readonly string[]>> = {
  'v1/Pod': [],
  'apps/v1/Deployment': ['spec', 'template'],
  'apps/v1/StatefulSet': ['spec', 'template'],
  'apps/v1/DaemonSet': ['spec', 'template'],
};

/** What became of one pod or workload. */
export type Outcome = { readonly object: string } & (
  | Exclude<Injection, { kind: 'refused' }>
  | { readonly kind: 'refused'; readonly problems: readonly Problem[]; readonly meant: boolean }
);

export interface InjectedDocument {
  /** For the document as a whole. */
  readonly patch: readonly Operation[];
  readonly outcomes: readonly Outcome[];
}

/** Injects every pod and workload of a document: an object, a List, or the ResourceList of a kustomize function. */
export function injectDocument(value: unknown, settings: InjectSettings): InjectedDocument {
  const parts = listed(value).map(({ object, path }) => injectObject(object, path, settings));
  return {
    patch: parts.flatMap(({ patch }) => patch),
    outcomes: parts.flatMap(({ outcomes }) => outcomes),
  };
}

interface Listed {
  readonly object: Readonly<Record<string, unknown>>;
  readonly path: string;
}

function listed(value: unknown): Listed[] {
  if (!isObject(value)) return [];
  const { kind, items } = value;
  if (typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items))
    return [{ object: value, path: '' }];
  const implied = kind.slice(0, -'List'.length);
  return items.flatMap((item: unknown, index) =>
    isObject(item)
      ? [
          {
            object: { apiVersion: value['apiVersion'], kind: implied, ...item },
            path: `/items/${index}`,
          },
        ]
      : [],
  );
}

function injectObject(
  { kind, apiVersion, metadata, ...rest }: Listed['object'],
  path: string,
  settings: InjectSettings,
): InjectedDocument {
  const place = places[`${String(apiVersion)}/${String(kind)}`];
  if (place === undefined) return { patch: [], outcomes: [] };
  const whole = { kind, apiVersion, metadata, ...rest };
  const template = place.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), whole);
  const { name = '?', namespace } = isObject(metadata) ? metadata : {};
  const object = `${String(kind)} ${namespace === undefined ? '' : `${String(namespace)}/`}${String(name)}`;
  const injection = inject(template, settings);
  const outcome: Outcome =
    injection.kind === 'refused'
      ? { object, ...injection, problems: injection.problems.map((each) => within(place, each)) }
      : { object, ...injection };
  const before = place.reduce((at, key) => pointer(at, key), path);
  const patch =
    injection.kind === 'patch'
      ? injection.patch.map((operation) => ({ ...operation, path: before + operation.path }))
      : [];
  return { patch, outcomes: [outcome] };
}

const within = (place: readonly string[], { path, problem }: Problem): Problem => {
  const before = place.reduce<string>((at, key) => under(at, key), '');
  if (path === '') return { path: before, problem };
  return { path: before === '' ? path : `${before}.${path}`, problem };
};

/** Applies what `difference` makes: paths that exist, no tests. The value itself stays as it is. */
export function patched(value: unknown, patch: readonly Operation[]): unknown {
  return patch.reduce((now, operation) => apply(now, keysOf(operation.path), operation), value);
}

function apply(value: unknown, [key, ...rest]: readonly string[], operation: Operation): unknown {
  if (key === undefined) return operation.op === 'remove' ? undefined : operation.value;
  if (Array.isArray(value)) {
    const index = Number(key);
    if (rest.length > 0) return value.with(index, apply(value[index], rest, operation));
    if (operation.op === 'remove') return value.toSpliced(index, 1);
    return value.toSpliced(index, operation.op === 'add' ? 0 : 1, operation.value);
  }
  const fields = isObject(value) ? value : {};
  if (rest.length > 0 || operation.op !== 'remove')
    return { ...fields, [key]: apply(fields[key], rest, operation) };
  const { [key]: _, ...others } = fields;
  return others;
}
