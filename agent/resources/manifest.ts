import { createHash } from 'node:crypto';
import type { InvalidObject } from '../observe/cluster.ts';
import type { Problem } from '../problem.ts';
import { isObject } from './got.ts';
import { type Origin, objectName, type ReadObject, readObject } from './read-object.ts';
import { apiGroup, type ObjectKey, type ResourceObject } from './types.ts';
import { readDocuments, splitDocuments, type YamlDocument } from './yaml-documents.ts';

export interface ManifestSource {
  /** The file's name, for messages. */
  readonly file: string;
  /** The namespace of objects that name none. */
  readonly defaultNamespace: string;
  /** What the file held before: documents that are the same are not read again, and their objects keep their identity. */
  readonly previous?: Manifests | undefined;
}

export interface Manifests {
  readonly objects: readonly ResourceObject[];
  readonly invalid: readonly InvalidObject[];
  /** Objects that are none of ours. */
  readonly skipped: readonly { readonly object: string; readonly why: string }[];
  /** Objects that are used, but probably do not say what was meant. */
  readonly warnings: readonly { readonly object: string; readonly problems: readonly Problem[] }[];
  /** It is known of every document which object it is. If not, what is missing must not be taken for deleted. */
  readonly complete: boolean;
  /** Documents without a mistake, by the hash of their text. */
  readonly readBefore: ReadonlyMap<string, readonly Found[]>;
}

/** One object as it stands in the file. */
interface Found {
  readonly read: ReadObject;
  /** In `readBefore` counted from the first line of its piece, 0; else of its file, 1. */
  readonly line: number;
  /** Which document of its piece it stands in. */
  readonly document: number;
}

/**
 * Reads a file of manifests as `kubectl apply` would: YAML of any number of documents, JSON, Lists. A mistake costs the
 * document that it is in, not its neighbours. Never throws.
 */
export function parseManifests(text: string, source: ManifestSource): Manifests {
  const readBefore = new Map<string, readonly Found[]>();
  const all: Found[] = [];
  let documents = 0;
  for (const { bytes, line } of piecesOf(text)) {
    const hash = hashOf(bytes, source.defaultNamespace);
    const known = source.previous?.readBefore.get(hash);
    const read = known ?? readPiece(bytes, { ...source, line, documents });
    const number = new Set(read.map((found) => found.document)).size;
    if (number === 1 && read.every((found) => found.read.kind === 'object'))
      readBefore.set(hash, read);
    all.push(...read.map((found) => ({ ...found, line: found.line + line })));
    documents += number;
  }
  return { ...collect(all, source.file), readBefore };
}

/**
 * The bytes of each piece, so that what is parsed from them does not keep the text of the whole file alive (V8's
 * substrings do), and every version of it after each change.
 */
function piecesOf(text: string): readonly { readonly bytes: Buffer; readonly line: number }[] {
  return splitDocuments(text).map((piece) => ({
    bytes: Buffer.from(piece.text),
    line: piece.line,
  }));
}

const hashOf = (bytes: Buffer, namespace: string): string =>
  createHash('sha256').update(namespace).update('\0').update(bytes).digest('base64');

interface Position {
  /** The line that the piece starts on. */
  readonly line: number;
  /** The number of documents before it. */
  readonly documents: number;
}

function readPiece(bytes: Buffer, position: ManifestSource & Position): readonly Found[] {
  const text = bytes.toString();
  const json = text.trimStart().startsWith('{') ? parseJson(text) : undefined;
  const documents: readonly YamlDocument[] =
    json === undefined
      ? readDocuments({ text, line: position.line })
      : [{ value: json, line: position.line, problems: [] }];
  return documents.flatMap((document, index) => readDocument(document, index, position));
}

/** JSON is YAML, but its own parser is a hundred times as fast. What it refuses is left to YAML's to judge. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readDocument(
  { value, line, problems }: YamlDocument,
  index: number,
  { file, defaultNamespace, ...position }: ManifestSource & Position,
): readonly Found[] {
  const place = { document: index, line: line - position.line };
  const number = position.documents + index + 1;
  const origin = { where: `${file}, document ${number} (line ${line})`, defaultNamespace };
  if (problems.length > 0) return [{ ...place, read: unreadable(value, origin, problems) }];
  const items = itemsOf(value);
  if (items === undefined) return [{ ...place, read: readObject(value, origin) }];
  return items.map((item, itemIndex) => {
    const where = `${origin.where}, item ${itemIndex + 1}`;
    return { ...place, read: readObject(item, { where, defaultNamespace }) };
  });
}

/** The document, named as far as it says which object it was going to be. */
function unreadable(value: unknown, origin: Origin, problems: readonly Problem[]): ReadObject {
  return { kind: 'invalid', named: false, invalid: { ...whichObject(value, origin), problems } };
}

function whichObject(
  value: unknown,
  origin: Origin,
): { readonly object: string; readonly zone?: ObjectKey } {
  const read = readObject(value, origin);
  switch (read.kind) {
    case 'object': {
      const { kind, metadata, key } = read.object;
      return { object: objectName(kind, metadata), ...(kind === 'DNSZone' ? { zone: key } : {}) };
    }
    case 'invalid': {
      const { object, zone } = read.invalid;
      return { object, ...(zone === undefined ? {} : { zone }) };
    }
    case 'skipped':
      return { object: read.object };
  }
}

/** The items of a `List`, or of a list of one of our kinds as the API server gives it: those do not say what they are. */
function itemsOf(value: unknown): readonly unknown[] | undefined {
  if (!isObject(value)) return undefined;
  const { apiVersion, kind, items = [] } = value;
  if (apiVersion === 'v1' && kind === 'List') return Array.isArray(items) ? items : [items];
  const ours = typeof apiVersion === 'string' && apiVersion.startsWith(`${apiGroup}/`);
  if (!ours || typeof kind !== 'string' || !kind.endsWith('List') || !Array.isArray(items))
    return undefined;
  const implied = { apiVersion, kind: kind.slice(0, -'List'.length) };
  return items.map((item: unknown) => (isObject(item) ? { ...implied, ...item } : item));
}

function collect(all: readonly Found[], file: string): Omit<Manifests, 'readBefore'> {
  const objects: ResourceObject[] = [];
  const invalid: InvalidObject[] = [];
  const skipped: { object: string; why: string }[] = [];
  const warnings: { object: string; problems: readonly Problem[] }[] = [];
  const lines = new Map<string, number>();
  let complete = true;
  for (const { read, line } of all)
    switch (read.kind) {
      case 'object': {
        const { kind, metadata } = read.object;
        const object = objectName(kind, metadata);
        const first = lines.get(object);
        if (first !== undefined) {
          invalid.push({ object, problems: [twice(file, first, line)] });
          break;
        }
        lines.set(object, line);
        objects.push(read.object);
        if (read.warnings.length > 0) warnings.push({ object, problems: read.warnings });
        break;
      }
      case 'invalid':
        invalid.push(read.invalid);
        complete &&= read.named;
        break;
      case 'skipped':
        skipped.push({ object: read.object, why: read.why });
    }
  return { objects, invalid, skipped, warnings, complete };
}

const twice = (file: string, first: number, second: number): Problem => ({
  path: 'metadata.name',
  problem: `want the object once in ${file}, got it in line ${first} (used) and in line ${second} (not used)`,
});
