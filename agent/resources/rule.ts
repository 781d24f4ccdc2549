import type { Parsed, Problem } from '../problem.ts';

/**
 * What a schema's keywords cannot say stands beside them, under symbols: JSON does not show those, so that the schema
 * remains plain JSON Schema, and each rule is looked at in the one walk that lists all problems.
 */

/** Reads a text closely. The text it gives back, canonical, takes the place of the one that was written. */
export const textRule: unique symbol = Symbol('textRule');
export type TextRule = (text: string) => Parsed<string>;

/**
 * Compares fields of an object, or the keys of a map, with each other. It sees the object as it was written, right or
 * wrong, without nulls. Paths are relative to the object.
 */
export const objectRule: unique symbol = Symbol('objectRule');
export type ObjectRule = (value: Written) => readonly Note[];
export type Written = Readonly<Record<string, unknown>>;

export interface Note extends Problem {
  /** The object can be used all the same. */
  readonly warning?: true;
}

export interface Rules {
  readonly [textRule]?: TextRule;
  readonly [objectRule]?: ObjectRule;
}

/** The part of a rule that the API server looks at itself, in CEL: what is wrong is told before it is stored. */
export interface Validation {
  readonly rule: string;
  readonly message: string;
  readonly reason: 'FieldValueForbidden' | 'FieldValueInvalid' | 'FieldValueRequired';
  /** The field that is wrong, `.zoneFile`, relative to the object. */
  readonly fieldPath: string;
}
