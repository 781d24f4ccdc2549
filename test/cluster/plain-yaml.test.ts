import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { plainYaml } from '../../agent/observe/plain-yaml.ts';

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.constantFrom(...'aZ0: #-?"\'\n\t,[]{}&*!|>%@`.~') }),
  fc.constantFrom('true', 'No', 'null', '~', '', '1e3', '0x1', '2026-11-21', 'a: b', 'a #b', 'a:'),
);
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(text, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).value;

test('whatever is written is read back the same', () => {
  const maps = fc.dictionary(text, plain, { noNullPrototype: true });
  fc.assert(
    fc.property(maps, (value) => {
      expect(parse(plainYaml(value))).toEqual(value);
    }),
  );
});

test('reads as a person would write it, and leaves out what is undefined', () => {
  expect(
    plainYaml({
      name: 'example',
      ips: ['10.0.0.1'],
      none: [],
      deep: { list: [{ a: 1, b: 'x y' }] },
      gone: undefined,
    }),
  ).toBe(
    'name: example\nips:\n  - "10.0.0.1"\nnone: []\ndeep:\n  list:\n    - a: 1\n      b: x y\n',
  );
});
