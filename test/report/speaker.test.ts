import { expect, test } from 'vitest';
import { type Candidate, rank, speakerOf } from '../../agent/plan/speaker.ts';

const zones = Array.from({ length: 3000 }, (_, n) => `default/zone-${n}`);
const primary = (pod: string, live = true): Candidate => ({ pod, role: 'primary', live });
const secondary = (pod: string, live = true): Candidate => ({ pod, role: 'secondary', live });

test('every pod computes the same order, whatever the order in which it knows the pods', () => {
  for (const zone of zones.slice(0, 50)) {
    expect(rank(zone, ['a', 'b', 'c'])).toEqual(rank(zone, ['c', 'a', 'b', 'a']));
  }
});

test('zones spread evenly over the pods', () => {
  const pods = ['dns-0', 'dns-1', 'dns-2'];
  const first = zones.map((zone) => rank(zone, pods)[0]);
  for (const pod of pods) {
    const share = first.filter((name) => name === pod).length / zones.length;
    expect(share).toBeGreaterThan(0.28);
    expect(share).toBeLessThan(0.39);
  }
});

test('a pod that goes moves only the zones that it spoke for', () => {
  for (const zone of zones.slice(0, 500)) {
    const [first, second] = rank(zone, ['a', 'b', 'c']);
    const left = rank(zone, ['a', 'b']);
    expect(left[0]).toBe(first === 'c' ? second : first);
  }
});

test('a live primary speaks; a secondary only where no primary is alive', () => {
  for (const zone of zones.slice(0, 50)) {
    const all = [secondary('s-0'), secondary('s-1'), primary('p-0'), primary('p-1', false)];
    expect(speakerOf(zone, all)).toBe('p-0');
    const orphaned = [secondary('s-0'), secondary('s-1', false), primary('p-0', false)];
    expect(speakerOf(zone, orphaned)).toBe('s-0');
    expect(speakerOf(zone, [primary('p-0', false)])).toBeUndefined();
    expect(speakerOf(zone, [])).toBeUndefined();
  }
});
