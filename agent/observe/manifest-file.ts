import { isDeepStrictEqual } from 'node:util';
import { type ManifestSource, type Manifests, parseManifests } from '../resources/manifest.ts';
import { objectName } from '../resources/read-object.ts';
import type { ResourceObject } from '../resources/types.ts';
import type { InvalidObject } from './cluster.ts';
import type { StandIns } from './last-good.ts';

/** What one file of manifests gives, now and since before. Immutable: a change is a new one. */
export interface ManifestFile {
  /** As last read; undefined until it could be read, and again when it is gone. */
  readonly latest?: Manifests;
  /** What is used of it: what it holds, and what it held before and must not be given up. */
  readonly objects: readonly ResourceObject[];
  /** Of these, the last good versions of what is wrong, or cannot be read, now. */
  readonly standIns: readonly ResourceObject[];
  /** What is wrong with it. */
  readonly invalid: readonly InvalidObject[];
  /** Whether all that it holds is known. */
  readonly complete: boolean;
  /** Every object that it holds could be read. */
  readonly right: boolean;
  /** It once was right, and nothing was given up since but what was deleted: what is not known of it is new. */
  readonly whole: boolean;
  /** Whether `latest` is in use; if not, the file may be just being written. */
  readonly settled: boolean;
}

export const newFile: ManifestFile = {
  objects: [],
  standIns: [],
  invalid: [],
  complete: true,
  right: true,
  whole: false,
  settled: false,
};

/** The file as an earlier run remembers it, not looked at yet. */
export const remembered = ({ objects, whole }: StandIns): ManifestFile => ({
  ...newFile,
  objects,
  standIns: objects,
  whole,
});

export const nameOf = ({ kind, metadata }: ResourceObject): string => objectName(kind, metadata);

/**
 * The file after it was read again. Where something is missing or wrong that was not before, or where it ends in the
 * middle of a line, it may be half-written: then it stays in use as it was, until it is `settle`d.
 */
export function readAgain(
  file: ManifestFile,
  text: string,
  source: Omit<ManifestSource, 'previous'>,
): ManifestFile {
  const latest = parseManifests(text, { ...source, previous: file.latest });
  const settled = settle({ ...file, latest });
  const suspect =
    isCut(text) ||
    settled.objects.length === 0 ||
    isLessThan(settled.objects, file.objects) ||
    (file.complete && !latest.complete) ||
    isLessThan(file.invalid, latest.invalid);
  return suspect ? { ...file, latest, settled: false } : settled;
}

/** The file after it has vanished; it may be about to be replaced. */
export const vanished = (file: ManifestFile): ManifestFile => {
  const { latest: _gone, ...rest } = file;
  return { ...rest, settled: false };
};

/** The file could not be read: it stays in use as it was. */
export const unreadable = (file: ManifestFile, invalid: InvalidObject): ManifestFile => ({
  ...file,
  standIns: file.objects,
  invalid: [invalid],
  complete: false,
  right: false,
  settled: true,
});

/**
 * The file has stayed as it is for long enough to be meant so. What is missing is given up, except the last good version
 * of an object that is wrong now, and all of it where it is not known which objects the wrong ones are.
 */
export function settle({ latest, objects: known, whole }: ManifestFile): ManifestFile {
  if (latest === undefined) return { ...newFile, settled: true };
  const { invalid, complete } = latest;
  const objects = keepIdentity(latest.objects, known);
  const named = new Set(objects.map(nameOf));
  const wrong = new Set(invalid.map(({ object }) => object));
  const kept = known.filter((object) => {
    const name = nameOf(object);
    return !named.has(name) && (wrong.has(name) || !complete);
  });
  // An object that stands twice in the file is told as wrong, and is there.
  const right = complete && invalid.every(({ object }) => named.has(object));
  return {
    latest,
    objects: [...objects, ...kept],
    standIns: kept,
    invalid,
    complete,
    right,
    whole: whole || right,
    settled: true,
  };
}

/** The known object where the new one says the same: a comment was edited, the file was copied. */
function keepIdentity(
  objects: readonly ResourceObject[],
  known: readonly ResourceObject[],
): readonly ResourceObject[] {
  const byName = new Map(known.map((object) => [nameOf(object), object]));
  return objects.map((object) => {
    const before = byName.get(nameOf(object));
    return before !== undefined && isDeepStrictEqual(before, object) ? before : object;
  });
}

/** Writers flush in blocks, which rarely end where a line ends. Half a JSON text is none, so needs no such care. */
const isCut = (text: string): boolean =>
  text !== '' && !text.endsWith('\n') && !text.trimStart().startsWith('{');

type Named = ResourceObject | InvalidObject;

/** Whether one of `b` is not in `a`. */
function isLessThan(a: readonly Named[], b: readonly Named[]): boolean {
  const names = new Set(a.map(anyName));
  return b.some((each) => !names.has(anyName(each)));
}

const anyName = (each: Named): string => ('kind' in each ? nameOf(each) : each.object);
