import { expect, test } from 'vitest';
import { isNewerView } from '../../agent/plan/source-versions.ts';

const view = (latest: Record<string, number>, seen = latest) => ({ latest, seen });

test('a view is newer that holds all the other does, and more', () => {
  expect(isNewerView(view({ ARecord: 8 }), { ARecord: 7 })).toBe(true);
  expect(isNewerView(view({ ARecord: 7, TXTRecord: 9 }), { ARecord: 7 })).toBe(true);
});

test('a view is not newer that holds the same, or less', () => {
  expect(isNewerView(view({ ARecord: 7 }), { ARecord: 7 })).toBe(false);
  expect(isNewerView(view({ ARecord: 6 }), { ARecord: 7 })).toBe(false);
  expect(isNewerView(view({}), {})).toBe(false);
});

test('a view that is behind in one source is not newer, however far ahead in another', () => {
  expect(isNewerView(view({ ARecord: 6, TXTRecord: 99 }), { ARecord: 7, TXTRecord: 9 })).toBe(
    false,
  );
  expect(isNewerView(view({ ARecord: 0, TXTRecord: 99 }), { ARecord: 7, TXTRecord: 9 })).toBe(
    false,
  );
});

test('a source that this pod does not read holds nothing up', () => {
  expect(isNewerView(view({ DNSZone: 8 }), { DNSZone: 7, 'DNSZone/a': 9, ConfigMap: 99 })).toBe(
    true,
  );
  expect(isNewerView(view({ ARecord: 7 }), { ARecord: 7, ConfigMap: 99 })).toBe(false);
});

test('a source in which nothing has changed is not behind, once it was read far enough', () => {
  const quiet = view({ ARecord: 3, TXTRecord: 99 }, { ARecord: 8, TXTRecord: 99 });
  expect(isNewerView(quiet, { ARecord: 7, TXTRecord: 9 })).toBe(true);
});
