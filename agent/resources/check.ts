import type { TSchema } from 'typebox';
import type { Problem } from '../problem.ts';
import { got, isObject, oneOf, under } from './got.ts';
import { patternWords } from './patterns.ts';
import { type Note, objectRule, type Rules, textRule, type Written } from './rule.ts';
import { preserve } from './schema-parts.ts';
import { probablyMeant } from './typo.ts';

/** Everything found wrong with one object. */
export interface Findings {
  /** The object cannot be used. */
  readonly problems: Problem[];
  /** The object can be used, but probably does not say what its author meant. */
  readonly warnings: Problem[];
}

/** Reads one value and notes every problem in it. Never throws. */
export interface Check {
  /** What is wanted, for a sentence. */
  readonly want: string;
  /**
   * The value, canonical, without fields that are null (those are as if they were absent). The very same value where
   * nothing had to be changed; of no use where problems were found.
   */
  readonly read: (value: unknown, path: string, found: Findings) => unknown;
}

/** The part of JSON Schema that our schemas use; a test holds it against typebox's whole reading of them. */
interface Node extends Rules {
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

const refuse = (found: Findings, path: string, want: string, value: unknown): void =>
  note(found, path, `want ${want}, got ${got(value)}`);

const note = (found: Findings, path: string, problem: string): void => {
  found.problems.push({ path, problem });
};

function objectCheck(node: Node): Check {
  const want = 'a mapping';
  const fields = new Map(
    Object.entries(node.properties ?? {}).map(([name, child]) => [name, checkOfNode(child)]),
  );
  const required = node.required ?? [];
  const names = [...fields.keys()];
  const field = (name: string, value: unknown, path: string, found: Findings): unknown => {
    const check = fields.get(name);
    if (check !== undefined) return check.read(value, under(path, name), found);
    const warning = unknownField(name, path, names, node[preserve] === true);
    if (warning !== undefined) found.warnings.push(warning);
    return value;
  };
  return {
    want,
    read(value, path, found) {
      if (!isObject(value)) return refuse(found, path, want, value);
      const written = withoutNulls(value);
      for (const name of required)
        if (!Object.hasOwn(written, name))
          refuse(found, under(path, name), fields.get(name)?.want ?? 'a value', undefined);
      applyRule(node[objectRule], written, path, found);
      return changed(written, (name, child) => field(name, child, path, found));
    },
  };
}

const isNull = (value: unknown): boolean => value === null || value === undefined;

const withoutNulls = (value: Written): Written =>
  Object.values(value).some(isNull)
    ? Object.fromEntries(Object.entries(value).filter(([, child]) => !isNull(child)))
    : value;

/** The object with each value mapped; the object itself where no value changed. */
function changed(object: Written, map: (name: string, value: unknown) => unknown): Written {
  let copy: [string, unknown][] | undefined;
  const names = Object.keys(object);
  for (const [index, name] of names.entries()) {
    const value = map(name, object[name]);
    if (value !== object[name] && copy === undefined) copy = Object.entries(object);
    const entry = copy?.[index];
    if (entry !== undefined) entry[1] = value;
  }
  return copy === undefined ? object : Object.fromEntries(copy);
}

function applyRule(
  rule: Rules[typeof objectRule],
  value: Written,
  path: string,
  found: Findings,
): void {
  for (const { path: inner, problem, warning } of rule?.(value) ?? []) {
    const list = warning === true ? found.warnings : found.problems;
    list.push({ path: join(path, inner), problem });
  }
}

const join = (path: string, inner: Note['path']): string =>
  path === '' || inner.startsWith('[') ? `${path}${inner}` : `${path}.${inner}`;

/**
 * Unknown fields do no harm; where only a slip of the finger explains one, or nothing will ever read it, that is told.
 * `kept`: others may read them.
 */
export function unknownField(
  name: string,
  path: string,
  known: readonly string[],
  kept: boolean,
): Problem | undefined {
  const meant = probablyMeant(name, known);
  if (meant === undefined && kept) return undefined;
  const problem = meant === undefined ? 'it has no effect' : `did you mean ${meant}?`;
  return { path: under(path, name), problem: `unknown field: ${problem}` };
}

function mapCheck({ maxProperties = Infinity, ...node }: Node, child: Node): Check {
  const want = 'a mapping of text to text';
  const check = checkOfNode(child);
  return {
    want,
    read(value, path, found) {
      if (!isObject(value)) return refuse(found, path, want, value);
      const written = withoutNulls(value);
      const size = Object.keys(written).length;
      if (size > maxProperties)
        note(found, path, `want at most ${maxProperties} entries, got ${size}`);
      applyRule(node[objectRule], written, path, found);
      return changed(written, (key, each) => check.read(each, under(path, key), found));
    },
  };
}

function listCheck({ items = {}, minItems = 0, maxItems = Infinity }: Node): Check {
  const want = 'a list';
  const check = checkOfNode(items);
  return {
    want,
    read(value, path, found) {
      if (!Array.isArray(value)) return refuse(found, path, want, value);
      if (value.length < minItems) refuse(found, path, `a list of at least ${minItems}`, value);
      if (value.length > maxItems)
        note(found, path, `want at most ${maxItems} entries, got ${value.length}`);
      const items = value.map((item, index) => check.read(item, under(path, index), found));
      return items.some((item, index) => item !== value[index]) ? items : value;
    },
  };
}

function textCheck(node: Node): Check {
  const { minLength = 0, maxLength = Infinity } = node;
  const form = node.pattern === undefined ? undefined : new RegExp(node.pattern, 'u');
  const want = patternWords.get(node.pattern ?? '') ?? 'text';
  const rule = node[textRule];
  return {
    want,
    read(value, path, found) {
      if (typeof value !== 'string')
        return note(found, path, `want ${want}, got ${got(value)}${inQuotes(value)}`);
      if (value.length < minLength) return refuse(found, path, want, value);
      if (value.length > maxLength && [...value].length > maxLength)
        return note(found, path, `want at most ${maxLength} characters, got ${[...value].length}`);
      if (form?.test(value) === false) return refuse(found, path, want, value);
      const close = rule?.(value);
      if (close === undefined) return value;
      if (close.ok) return close.value;
      for (const { problem } of close.problems) note(found, path, problem);
      return undefined;
    },
  };
}

const inQuotes = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'boolean' ? ' (in quotes it would be text)' : '';

function choiceCheck(choices: readonly string[]): Check {
  const want = oneOf(choices);
  return {
    want,
    read(value, path, found) {
      if (typeof value !== 'string' || !choices.includes(value)) refuse(found, path, want, value);
      return value;
    },
  };
}

function wholeCheck({ minimum = -Infinity, maximum = Infinity }: Node): Check {
  const want = `${minimum} to ${maximum}`;
  return {
    want,
    read(value, path, found) {
      if (!Number.isInteger(value) || Number(value) < minimum || Number(value) > maximum)
        refuse(found, path, want, value);
      return value;
    },
  };
}

function flagCheck(): Check {
  const want = 'true or false';
  return {
    want,
    read(value, path, found) {
      if (typeof value !== 'boolean') refuse(found, path, want, value);
      return value;
    },
  };
}
