import { isObject } from '../../resources/got.ts';
import type { RawObject } from './collection.ts';

/** A field of an object that is an object itself; empty where it is not there or something else. */
export function part(object: RawObject, field: string): RawObject {
  const value = object[field];
  return isObject(value) ? value : {};
}

export const metadataOf = (object: RawObject): RawObject => part(object, 'metadata');

export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : undefined;
