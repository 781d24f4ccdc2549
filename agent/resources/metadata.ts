import { type Parsed, type Problem, parsed } from '../problem.ts';

import { got, isObject } from './got.ts';
import type { Metadata } from './types.ts';

/** RFC 1123, as the API server has it. The name also becomes a file's name. */
const objectName = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const namespaceName = /^(?=.{1,63}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

/**
 * An object's metadata. Name and namespace are read strictly; the rest leniently: what is not as it should be there is
 * left out, since nothing but selection and order depends on it.
 */
export function readMetadata(value: unknown, defaultNamespace: string): Parsed<Metadata> {
  if (value !== undefined && value !== null && !isObject(value))
    return {
      ok: false,
      problems: [{ path: 'metadata', problem: `want a mapping, got ${got(value)}` }],
    };
  const metadata = value ?? {};
  const name = metadata['name'] ?? undefined;
  const namespace = metadata['namespace'] || defaultNamespace;
  const problems: Problem[] = [];
  if (!isText(name) || !objectName.test(name))
    problems.push({
      path: 'metadata.name',
      problem: `want a name of lower case letters, digits, - and ., got ${got(name)}`,
    });
  if (!isText(namespace) || !namespaceName.test(namespace))
    problems.push({
      path: 'metadata.namespace',
      problem: `want a namespace of lower case letters, digits and -, got ${got(namespace)}`,
    });
  if (!isText(name) || !isText(namespace) || problems.length > 0) return { ok: false, problems };
  return parsed({ name, namespace, ...lenient(metadata) });
}

const isText = (value: unknown): value is string => typeof value === 'string';

function lenient(metadata: Readonly<Record<string, unknown>>) {
  const { uid, creationTimestamp, generation } = metadata;
  return {
    labels: texts(metadata['labels']),
    annotations: texts(metadata['annotations']),
    ...(isText(uid) && uid !== '' ? { uid } : {}),
    ...(isText(creationTimestamp) && !Number.isNaN(Date.parse(creationTimestamp))
      ? { creationTimestamp }
      : {}),
    ...(Number.isSafeInteger(generation) ? { generation: Number(generation) } : {}),
  };
}

/** Numbers and flags as the text they were written as, near enough: `environment: true` selects like `"true"`. */
function texts(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  const entries = Object.entries(value).flatMap(([key, each]) => {
    const scalar = isText(each) || typeof each === 'number' || typeof each === 'boolean';
    return scalar ? [[key, String(each)] as const] : [];
  });
  return Object.fromEntries(entries);
}
