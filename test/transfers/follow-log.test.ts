import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { followLog } from '../../agent/observe/follow-log.ts';
import type { LogPosition } from '../../agent/observe/log-file.ts';
import { untilEqual } from '../rig/until.ts';

let folder: string;
let path: string;
let stop: AbortController;
let following: Promise<void>;
let lines: string[];
let position: LogPosition | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'follow-log-'));
  path = join(folder, 'transfers.log');
  stop = new AbortController();
  lines = [];
  position = undefined;
});

afterEach(async () => {
  stop.abort();
  await following;
  rmSync(folder, { recursive: true });
});

function follow(from?: LogPosition, pollMs = 20): void {
  following = (async () => {
    const options = { path, signal: stop.signal, pollMs, ...(from && { from }) };
    for await (const told of followLog(options)) {
      lines.push(...told.lines);
      position = told.position;
    }
  })();
}

test('tells what is written after the start, in order, and nothing of before', async () => {
  writeFileSync(path, 'old\n');
  follow();
  appendFileSync(path, 'a\nb\n');
  appendFileSync(path, 'c\n');
  await untilEqual(() => lines, ['a', 'b', 'c']);
});

test('is told by the system and does not wait for the poll', async () => {
  writeFileSync(path, '');
  follow(undefined, 3_600_000);
  appendFileSync(path, 'first\n');
  await untilEqual(() => lines, ['first']);
  appendFileSync(path, 'second\n');
  await untilEqual(() => lines, ['first', 'second']);
});

test('waits for a file that is not there, also for its folder, and then reads it from the start', async () => {
  rmSync(folder, { recursive: true });
  follow();
  mkdirSync(folder);
  writeFileSync(path, 'first\n');
  await untilEqual(() => lines, ['first']);
});

test('holds a line back until it is whole, also where a character is cut in two', async () => {
  writeFileSync(path, '');
  follow();
  const bytes = Buffer.from('größe 1\nrest');
  appendFileSync(path, bytes.subarray(0, 3));
  appendFileSync(path, bytes.subarray(3));
  await untilEqual(() => lines, ['größe 1']);
  appendFileSync(path, ' of it\n');
  await untilEqual(() => lines, ['größe 1', 'rest of it']);
});

test('goes on in the new file when the old one is renamed away, and misses nothing of either', async () => {
  writeFileSync(path, '');
  follow();
  appendFileSync(path, 'a\n');
  renameSync(path, `${path}.0`);
  appendFileSync(`${path}.0`, 'b\nc without an end');
  writeFileSync(path, 'd\n');
  await untilEqual(() => lines, ['a', 'b', 'c without an end', 'd']);
});

test('misses nothing when the file is rotated several times at once', async () => {
  writeFileSync(path, '');
  follow();
  appendFileSync(path, 'a\n');
  for (const line of ['b', 'c']) {
    rmSync(`${path}.1`, { force: true });
    try {
      renameSync(`${path}.0`, `${path}.1`);
    } catch {
      // The first rotation has none.
    }
    renameSync(path, `${path}.0`);
    writeFileSync(path, `${line}\n`);
  }
  await untilEqual(() => lines, ['a', 'b', 'c']);
});

test('starts over when the file is cut to nothing', async () => {
  writeFileSync(path, 'a long line that was there\n');
  follow();
  truncateSync(path, 0);
  appendFileSync(path, 'new\n');
  await untilEqual(() => lines, ['new']);
});

test('goes on where it was told to, also when that file was renamed meanwhile', async () => {
  writeFileSync(path, 'start\n');
  follow();
  appendFileSync(path, 'seen\nhalf');
  await untilEqual(() => lines, ['seen']);
  const remembered = position;
  stop.abort();
  await following;
  appendFileSync(path, ' is whole\n');
  renameSync(path, `${path}.0`);
  writeFileSync(path, 'after\n');
  lines.length = 0;
  stop = new AbortController();
  follow(remembered);
  await untilEqual(() => lines, ['half is whole', 'after']);
});

test('a remembered file that is gone is no reason to miss what there is', async () => {
  writeFileSync(path, 'there\n');
  follow({ inode: 1, offset: 100 });
  await untilEqual(() => lines, ['there']);
});

test('a backlog of 20 MB leaves others their turn', async () => {
  const line = `${'x'.repeat(99)}\n`;
  writeFileSync(path, line.repeat(200_000));
  let longest = 0;
  let last = performance.now();
  const beat = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  const count = { of: 0 };
  const first = followLog({ path, signal: stop.signal, from: { inode: 1, offset: 0 } });
  following = Promise.resolve();
  for await (const told of first) {
    count.of += told.lines.length;
    if (count.of === 200_000) break;
  }
  clearInterval(beat);
  expect(count.of).toBe(200_000);
  expect(longest).toBeLessThan(250);
});
