import type { TSchema } from 'typebox';
import type { Problem } from '../problem.ts';
import { got, oneOf, under } from './got.ts';
import { patternWords, preserve } from './schema-parts.ts';
import { probablyMeant } from './typo.ts';

/** Everything found wrong with one object. */
export interface Findings {
  /** The object cannot be used. */
  readonly problems: Problem[];
  /** The object can be used, but probably does not say what its author meant. */
  readonly warnings: Problem[];
  /** A field was null. That is as if it were absent, and has to be taken out before the value fits its type. */
  nulls: boolean;
}

/** Looks at one value and notes every problem in it. Never throws. */
export interface Check {
  /** What is wanted, for a sentence. */
  readonly want: string;
  readonly look: (value: unknown, path: string, found: Findings) => void;
}

/** The part of JSON Schema that our schemas use. A node with another keyword would not be checked by it: see the tests. */
interface Node {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Node;
  readonly maxProperties?: number;
  readonly items?: Node;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly [preserve]?: boolean;
}

/**
 * A check that lists all problems. Not typebox's own: that one stops at eight, a limit it keeps for the whole process,
 * and its words are a programmer's.
 */
export const checkOf = (schema: TSchema): Check => checkOfNode(schema);

function checkOfNode(node: Node): Check {
  switch (node.type) {
    case 'object':
      return node.additionalProperties
        ? mapCheck(node, node.additionalProperties)
        : objectCheck(node);
    case 'array':
      return listCheck(node);
    case 'string':
      return node.enum ? choiceCheck(node.enum) : textCheck(node);
    case 'integer':
      return wholeCheck(node);
    case 'boolean':
      return flagCheck();
    default:
      throw new Error(`no check for schema type ${String(node.type)}`);
  }
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function refuse(found: Findings, path: string, want: string, value: unknown): void {
  found.problems.push({ path, problem: `want ${want}, got ${got(value)}` });
}

function objectCheck(node: Node): Check {
  const want = 'a mapping';
  const fields = new Map(
    Object.entries(node.properties ?? {}).map(([name, child]) => [name, checkOfNode(child)]),
  );
  const required = node.required ?? [];
  const unknown = unknownFields([...fields.keys()], node[preserve] === true);
  const field = (name: string, value: unknown, path: string, found: Findings): void => {
    if (value === null || value === undefined) found.nulls = true;
    else if (fields.has(name)) fields.get(name)?.look(value, under(path, name), found);
    else unknown(name, path, found);
  };
  return {
    want,
    look(value, path, found) {
      if (!isObject(value)) return refuse(found, path, want, value);
      for (const name of required)
        if (isAbsent(value, name))
          refuse(found, under(path, name), fields.get(name)?.want ?? 'a value', undefined);
      for (const name of Object.keys(value)) field(name, value[name], path, found);
    },
  };
}

const isAbsent = (object: Readonly<Record<string, unknown>>, name: string): boolean =>
  !Object.hasOwn(object, name) || object[name] === null || object[name] === undefined;

/** Unknown fields do no harm; where only a slip of the finger explains one, or nothing will ever read it, that is told. */
function unknownFields(known: readonly string[], keepsUnknown: boolean) {
  return (name: string, path: string, found: Findings): void => {
    const meant = probablyMeant(name, known);
    if (meant !== undefined)
      found.warnings.push({ path: under(path, name), problem: `unknown field, want ${meant}?` });
    else if (!keepsUnknown)
      found.warnings.push({ path: under(path, name), problem: 'unknown field, it has no effect' });
  };
}

function mapCheck({ maxProperties = Infinity }: Node, child: Node): Check {
  const want = 'a mapping of text to text';
  const check = checkOfNode(child);
  return {
    want,
    look(value, path, found) {
      if (!isObject(value)) return refuse(found, path, want, value);
      const keys = Object.keys(value);
      if (keys.length > maxProperties)
        found.problems.push({
          path,
          problem: `want at most ${maxProperties} entries, got ${keys.length}`,
        });
      for (const key of keys)
        if (value[key] === null) found.nulls = true;
        else check.look(value[key], under(path, key), found);
    },
  };
}

function listCheck({ items = {}, minItems = 0, maxItems = Infinity }: Node): Check {
  const want = 'a list';
  const check = checkOfNode(items);
  return {
    want,
    look(value, path, found) {
      if (!Array.isArray(value)) return refuse(found, path, want, value);
      if (value.length < minItems) refuse(found, path, `at least ${minItems} in a list`, value);
      if (value.length > maxItems)
        found.problems.push({
          path,
          problem: `want at most ${maxItems} entries, got ${value.length}`,
        });
      for (const [index, item] of value.entries()) check.look(item, under(path, index), found);
    },
  };
}

function textCheck({ pattern, minLength = 0, maxLength = Infinity }: Node): Check {
  const form = pattern === undefined ? undefined : new RegExp(pattern, 'u');
  const want = patternWords.get(pattern ?? '') ?? 'text';
  return {
    want,
    look(value, path, found) {
      if (typeof value !== 'string')
        found.problems.push({ path, problem: `want ${want}, got ${got(value)}${inQuotes(value)}` });
      else if (value.length < minLength) refuse(found, path, want, value);
      else if (value.length > maxLength && [...value].length > maxLength)
        found.problems.push({
          path,
          problem: `want at most ${maxLength} characters, got ${[...value].length}`,
        });
      else if (form !== undefined && !form.test(value)) refuse(found, path, want, value);
    },
  };
}

const inQuotes = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'boolean' ? ' (in quotes it would be text)' : '';

function choiceCheck(choices: readonly string[]): Check {
  const want = oneOf(choices);
  return {
    want,
    look(value, path, found) {
      if (typeof value !== 'string' || !choices.includes(value)) refuse(found, path, want, value);
    },
  };
}

function wholeCheck({ minimum = -Infinity, maximum = Infinity }: Node): Check {
  const want = `${minimum} to ${maximum}`;
  return {
    want,
    look(value, path, found) {
      if (!Number.isInteger(value) || Number(value) < minimum || Number(value) > maximum)
        refuse(found, path, want, value);
    },
  };
}

function flagCheck(): Check {
  const want = 'true or false';
  return {
    want,
    look(value, path, found) {
      if (typeof value !== 'boolean') refuse(found, path, want, value);
    },
  };
}
