import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { safeName, safeObjectName } from '../../agent/observe/safe-name.ts';

describe('safe names', () => {
  const odd = fc.string({
    unit: fc.constantFrom('a', 'A', '.', '/', '%', '~', '-', '2', 'e', 'ü', '\0', ' ', '\n'),
    maxLength: 8,
  });

  test('names of objects and pods stay as they are', () => {
    expect(safeName('primary-dns-0')).toBe('primary-dns-0');
    expect(safeObjectName('default', 'example.com')).toBe('default.example.com');
  });

  test('are file names, whatever they are for', () => {
    fc.assert(
      fc.property(odd, (text) => {
        expect(safeName(text)).toMatch(/^[a-z0-9_%~-][a-z0-9._%~-]*$/);
      }),
    );
  });

  test('differ for different names, also where upper and lower case are the same', () => {
    fc.assert(
      fc.property(odd, odd, odd, odd, (a, b, c, d) => {
        const same = safeObjectName(a, b).toLowerCase() === safeObjectName(c, d).toLowerCase();
        expect(same).toBe(a === c && b === d);
      }),
    );
  });

  test('of very long names fit into a folder, and differ', () => {
    const names = [
      safeName('ü'.repeat(300)),
      safeName(`${'ü'.repeat(300)}x`),
      safeName('a'.repeat(253)),
    ];
    expect(names.every((name) => name.length <= 200)).toBe(true);
    expect(new Set(names).size).toBe(3);
  });
});
