import { afterEach, expect, test } from 'vitest';
import { ControlChannel } from '../../agent/apply/control-channel.ts';
import { NamedLink } from '../../agent/apply/named-link.ts';
import type { ControlAnswer, Rndc } from '../../agent/apply/rndc.ts';
import { systemClock } from '../../agent/clock.ts';
import { until } from '../rig/until.ts';
import { type LocalNamed, localNamed } from './local-named.ts';

const open: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

interface Watched {
  readonly link: NamedLink;
  readonly events: string[];
}

function watch(rndc: Rndc): Watched {
  const events: string[] = [];
  const link = new NamedLink(
    rndc,
    { onUp: () => events.push('up'), onDown: (why) => events.push(`down: ${why}`) },
    systemClock,
  );
  const stop = new AbortController();
  const watching = link.watch(stop.signal);
  open.push(() => {
    stop.abort();
    return watching;
  });
  return { link, events };
}

function watchNamed(named: LocalNamed): Watched {
  const onLost = (): void => watched.link.lost();
  const { controlPort: port, key } = named;
  const about = { host: '127.0.0.1', port, key, timeoutMs: 5000, onLost };
  const channel = new ControlChannel({ ...about, now: Date.now, random: Math.random });
  const watched = watch(channel);
  open.push(() => channel.close());
  return watched;
}

test('notices at once that named was killed, and one that is back before it could be missed', async () => {
  const named = await localNamed();
  open.push(() => named.close());
  await named.start();
  const { link, events } = watchNamed(named);
  await until(() => link.state.kind === 'up');
  events.length = 0;
  const killed = performance.now();
  await named.kill();
  const started = named.start();
  await until(() => events.length > 0);
  expect(performance.now() - killed).toBeLessThan(1000);
  await started;
  await until(() => events.at(-1) === 'up');
  expect(events[0]).toMatch(/^down: /);
});

test('waits until a named that is still loading has loaded all zones', async () => {
  let text = 'version: BIND 9.20.23\nreload/reconfig in progress\nserver is up and running';
  const answer = (): ControlAnswer => ({ result: 0, ok: true, text });
  const { link, events } = watch({ command: () => Promise.resolve(answer()) });
  await until(() => events.length > 0);
  expect(link.state).toEqual({ kind: 'down', why: 'it is loading its zones' });
  text = 'version: BIND 9.20.23\nserver is up and running';
  await until(() => link.state.kind === 'up');
  // What a reconfig does later is no start.
  text = 'version: BIND 9.20.23\nreload/reconfig in progress\nserver is up and running';
  await link.check();
  expect(link.state.kind).toBe('up');
  expect(events).toEqual(['down: it is loading its zones', 'up']);
});
