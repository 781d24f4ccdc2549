import { expect, test } from 'vitest';
import { makeLog } from '../../agent/log.ts';

function recorder(level: Parameters<typeof makeLog>[0] = 'info') {
  const lines: string[] = [];
  const log = makeLog(level, { write: (line: string) => void lines.push(line) });
  const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}');
  return { log, lines, last };
}

test('a line is one JSON object with level, time and message', () => {
  const { log, lines, last } = recorder();
  log.info({ zone: 'example.com', reason: 'Refused' }, 'transfer failed');
  expect(lines).toHaveLength(1);
  expect(lines[0]?.endsWith('}\n')).toBe(true);
  expect(last()).toEqual({
    level: 'info',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    zone: 'example.com',
    reason: 'Refused',
    msg: 'transfer failed',
  });
});

test('lines below the level are not written', () => {
  const { log, lines } = recorder('warn');
  log.info('not this');
  log.warn('this');
  expect(lines).toHaveLength(1);
});

test('a field whose name tells of a secret loses its value, at any depth', () => {
  const { log, lines, last } = recorder();
  const key = { name: 'cluster', algorithm: 'hmac-sha256', secret: Buffer.from('s3cret') };
  log.info({
    keys: [key],
    nested: { deep: { apiToken: 's3cret', rows: [{ Password: 's3cret' }] } },
  });
  expect(lines.join('')).not.toMatch(/s3cret|115,51,99/);
  expect(last()).toMatchObject({
    keys: [{ name: 'cluster', secret: '[hidden]' }],
    nested: { deep: { apiToken: '[hidden]', rows: [{ Password: '[hidden]' }] } },
  });
});

test('a child logger hides the secrets of its own fields', () => {
  const { log, last } = recorder();
  log.child({ zone: 'example.com', tsigSecret: 's3cret' }).info('x');
  expect(last()).toMatchObject({ zone: 'example.com', tsigSecret: '[hidden]' });
});

test('key text in a message, an error or its cause is hidden', () => {
  const { log, lines } = recorder();
  log.warn('refused: key "cluster" { algorithm hmac-sha256; secret "c2VjcmV0"; };');
  log.warn({ args: ['-y', 'hmac-sha256:cluster:c2VjcmV0'] });
  log.error({ err: new Error('secret "c2VjcmV0";', { cause: new Error('secret c2VjcmV0;') }) });
  log.error(Object.assign(new Error('failed'), { secret: 'c2VjcmV0' }));
  expect(lines).toHaveLength(4);
  expect(lines.join('')).not.toContain('c2VjcmV0');
  expect(lines.join('')).toContain('hmac-sha256:cluster:[hidden]');
  log.warn('no secret without its key file; no secret "token" either');
  expect(lines.at(-1)).toContain('no secret without its key file; no secret');
});

test('an error keeps its message, its stack and its cause', () => {
  const { log, last } = recorder();
  log.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'pass failed');
  expect(last()).toMatchObject({
    level: 'error',
    msg: 'pass failed',
    err: { type: 'Error', message: 'outer: inner', stack: expect.stringContaining('caused by') },
  });
});

test('a line stays JSON, whatever the message is', () => {
  const { log, lines, last } = recorder();
  for (const message of ['token":', '"token":"x"', 'secret "', '\\"secret\\":', 'hmac-md5:a:"']) {
    log.info({ after: 'x' }, message);
    expect(last()).toMatchObject({ after: 'x', msg: message });
  }
  expect(lines).toHaveLength(5);
});

test('a structure that contains itself does no harm', () => {
  const { log, lines } = recorder();
  const round: Record<string, unknown> = {};
  round['self'] = round;
  log.info({ round });
  expect(lines).toHaveLength(1);
});
