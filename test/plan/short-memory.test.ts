import { expect, test, vi } from 'vitest';
import { ShortMemory } from '../../agent/short-memory.ts';

test('a value is known for its time, which begins anew when it is put again', () => {
  let now = 0;
  const memory = new ShortMemory<string, number>(1000, { monotonic: () => now });
  memory.put('a', 1);
  now = 900;
  memory.put('a', 2);
  now = 1800;
  expect(memory.get('a')).toBe(2);
  now = 1900;
  expect(memory.get('a')).toBeUndefined();
  memory.put('b', 3);
  memory.forget('b');
  expect(memory.get('b')).toBeUndefined();
});

test('what is forgotten takes no room, whatever comes and goes', () => {
  let now = 0;
  const memory = new ShortMemory<string, number>(1000, { monotonic: () => now });
  for (let pod = 0; pod < 10_000; pod += 1) {
    now += 100;
    memory.put(`pod-${pod}`, pod);
  }
  expect(memory.size).toBe(10);
});

test('what nobody puts or asks for any more takes no room either', () => {
  vi.useFakeTimers();
  try {
    const memory = new ShortMemory<string, number>(1000, { monotonic: () => performance.now() });
    memory.put('a', 1);
    vi.advanceTimersByTime(600);
    memory.put('b', 2);
    vi.advanceTimersByTime(3000);
    expect(memory.size).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});
