import { expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import { ZoneObjects } from '../../agent/pod/zone-objects.ts';
import { objectKey } from '../../agent/resources/types.ts';

const name = (text: string) => text as DomainName;
const key = (text: string) => objectKey('default', text);

test('an object is found by the name that it has now, beside others of that name', () => {
  const objects = new ZoneObjects();
  objects.put(key('a'), name('one.example.'));
  objects.put(key('b'), name('one.example.'));
  objects.put(key('a'), name('two.example.'));
  expect([...objects.of(name('one.example.'))]).toEqual([key('b')]);
  expect([...objects.of(name('two.example.'))]).toEqual([key('a')]);
  expect([...objects.of(name('three.example.'))]).toEqual([]);
});

test('of zones that come and go nothing stays', () => {
  const objects = new ZoneObjects();
  for (let zone = 0; zone < 1000; zone += 1) {
    objects.put(key(`zone-${zone}`), name(`zone-${zone}.example.`));
    objects.remove(key(`zone-${zone}`));
  }
  expect(objects.size).toBe(0);
});
