import fc from 'fast-check';
import { expect, test } from 'vitest';
import { World } from './primaries-model.ts';

/** What may happen to some primaries of one zone. `i`: which one of them. */
type Event =
  | { readonly kind: 'change'; readonly content: number }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'see' | 'hear' | 'pass' | 'freeze' | 'thaw'; readonly i: number }
  | { readonly kind: 'restart' | 'lose-disk' | 'lose-answer' | 'forget'; readonly i: number }
  | { readonly kind: 'lose-status' };

const mostPrimaries = 3;
const which = fc.nat(mostPrimaries - 1);
const at = (...kinds: Extract<Event, { i: number }>['kind'][]) =>
  fc.record({ kind: fc.constantFrom(...kinds), i: which });

const events: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      content: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('time' as const),
      ms: fc.integer({ min: 1, max: 1500 }),
    }),
  },
  { weight: 16, arbitrary: at('see', 'hear', 'pass', 'pass') },
  { weight: 2, arbitrary: at('freeze', 'thaw', 'restart', 'lose-answer', 'forget') },
  { weight: 1, arbitrary: at('lose-disk') },
  { weight: 1, arbitrary: fc.constant({ kind: 'lose-status' as const }) },
);

async function happen(world: World, event: Event): Promise<void> {
  switch (event.kind) {
    case 'change':
      return world.change(event.content);
    case 'time':
      world.now += event.ms;
      return;
    case 'lose-status':
      return world.loseStatus();
    default:
      await happenTo(world, event.kind, event.i);
  }
}

async function happenTo(
  world: World,
  kind: Extract<Event, { i: number }>['kind'],
  i: number,
): Promise<void> {
  const primary = world.primaries[i % world.primaries.length];
  switch (kind) {
    case 'see':
      return primary?.see();
    case 'hear':
      return primary?.hear();
    case 'pass':
      return primary?.pass();
    case 'freeze':
    case 'thaw':
      if (primary !== undefined) primary.frozen = kind === 'freeze';
      return;
    case 'restart':
      return primary?.restart();
    case 'forget':
      return primary?.forget();
    case 'lose-disk':
      return primary?.restart({ wiped: true });
    case 'lose-answer':
      if (primary !== undefined) primary.losesAnswer = true;
  }
}

/** All wake up, see everything and have some seconds. */
async function settle(world: World, seconds: number): Promise<void> {
  for (let step = 0; step < seconds * 10; step += 1) {
    world.now += 100;
    for (const primary of world.primaries) {
      primary.frozen = false;
      primary.losesAnswer = false;
      primary.see();
      primary.hear();
      await primary.pass();
    }
  }
}

const run = (
  check: (world: World, happened: readonly Event[]) => void | Promise<void>,
  settleSeconds: number,
  numRuns = Number(process.env['RUNS'] ?? 400),
) =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: mostPrimaries }),
      fc.array(events, { maxLength: 80, size: 'max' }),
      async (primaries, happening) => {
        const world = new World(primaries);
        for (const event of happening) await happen(world, event);
        await settle(world, settleSeconds);
        await check(world, happening);
      },
    ),
    { numRuns },
  );

test('primaries end with one content under one serial, whatever lags, stops or is lost', () =>
  run((world) => {
    const hashes = world.primaries.map(({ served }) => served?.content.hash);
    const serials = world.primaries.map(({ served }) => served?.serial);
    expect(new Set(hashes)).toEqual(new Set([world.content.hash]));
    expect(new Set(serials).size).toBe(1);
    expect(serials[0]).toBe(world.store.allocated?.serial);
  }, 8));

test('no serial ever goes backwards or stands for two contents', () =>
  run(({ violations }) => expect(violations).toEqual([]), 8));

test('a serial is spent on other content that was seen later, and at most one a second', () =>
  run(({ allocations, primaries }, happened) => {
    // Alone, a primary publishes what it has loaded, as fast as it changes; what was lost is agreed on anew.
    if (primaries.length === 1 || happened.some(({ kind }) => kind === 'lose-status')) return;
    for (const [i, { at, allocated }] of allocations.entries()) {
      const before = allocations[i - 1];
      if (before === undefined) continue;
      expect(allocated.contentHash).not.toBe(before.allocated.contentHash);
      expect(allocated.view['manifests']).toBeGreaterThan(before.allocated.view['manifests'] ?? 0);
      expect(at - before.at).toBeGreaterThanOrEqual(1000);
    }
  }, 8));

test('a lost status costs no serial where nothing has changed', () =>
  run(async (world) => {
    const before = world.primaries[0]?.served?.serial;
    world.loseStatus();
    await settle(world, 8);
    expect(world.primaries.map(({ served }) => served?.serial)).toEqual(
      world.primaries.map(() => before),
    );
    expect(world.store.allocated?.serial).toBe(before);
  }, 8));
