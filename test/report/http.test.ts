import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Feed } from '../../agent/report/feed.ts';
import { type HttpServer, serveHttp } from '../../agent/report/http.ts';
import type { HttpSources, Verdict, ZoneView } from '../../agent/report/http-sources.ts';
import { claimPort } from '../rig/ports.ts';

const example: ZoneView = {
  zone: 'example.com',
  object: 'dns/example-com',
  role: 'secondary',
  state: 'Current',
  serial: 2026112104,
  lagSeconds: 0,
};

const yes: Verdict = { ok: true, reasons: [] };

/** What the tests change about what is told. */
interface Told {
  ready: Verdict;
  up: boolean;
  commands: string[];
  commandFails: boolean;
  stale?: string;
}

let told: Told;
let feed: Feed;
let port: number;
let server: HttpServer;

const sources = (): HttpSources => ({
  live: () => yes,
  ready: () => told.ready,
  started: () => ({ ok: false, reasons: ['what named should serve is not known yet'] }),
  named: async () =>
    told.up
      ? { up: true, status: { version: 'BIND 9.18.49', running: true } }
      : { up: false, error: 'no answer' },
  zones: () => [example],
  zone: (name) =>
    name === 'example.com.' || name === '0/25.2.0.192.in-addr.arpa.' ? example : undefined,
  peers: () => [],
  plan: () => ({
    actions: [{ kind: 'drop', zone: 'example.com', text: 'stop serving example.com' }],
  }),
  feed,
  metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' }),
  command: async (zone, command) => {
    told.commands.push(`${command} ${zone}`);
    return told.commandFails ? { ok: false, error: 'not found' } : { ok: true, text: 'queued' };
  },
  stale: () => told.stale,
  drain: async () => ({ ok: true, text: 'this pod is about to go' }),
  approve: (hash) =>
    hash === 'abc' ? { ok: true, text: 'approved abc' } : { ok: false, error: 'nothing is held' },
});

beforeEach(async () => {
  told = { ready: yes, up: true, commands: [], commandFails: false };
  feed = new Feed({ pod: 'dns-0', uid: 'uid-0', epoch: 'e1', gatherMs: 1 });
  port = await claimPort();
  server = await serveHttp(sources(), { address: '0.0.0.0', port });
});

afterEach(() => server.close());

const get = (path: string, init: RequestInit = {}, host = '127.0.0.1'): Promise<Response> =>
  fetch(`http://${host}:${port}${path}`, init);

const json = async (path: string): Promise<unknown> => (await get(path)).json();

describe('health', () => {
  test('answers 200 and "ok", or 503 and every reason, as text and as JSON', async () => {
    const fine = await get('/readyz');
    expect([fine.status, await fine.text()]).toEqual([200, 'ok\n']);
    told.ready = { ok: false, reasons: ['named does not answer', '3 zones are not loaded'] };
    const not = await get('/readyz');
    expect([not.status, await not.text()]).toEqual([
      503,
      'named does not answer\n3 zones are not loaded\n',
    ]);
    const asJson = await get('/readyz', { headers: { accept: 'application/json' } });
    expect([asJson.status, await asJson.json()]).toEqual([503, told.ready]);
    told.ready = { ok: true, reasons: [], notes: ['the resources may have changed'] };
    const noted = await get('/readyz');
    expect([noted.status, await noted.text()]).toEqual([
      200,
      'ok\nthe resources may have changed\n',
    ]);
    expect((await get('/livez')).status).toBe(200);
    expect((await get('/startupz')).status).toBe(503);
  });

  test('tells the status of named, and that it does not answer', async () => {
    expect(await json('/rndc')).toEqual({
      up: true,
      status: { version: 'BIND 9.18.49', running: true },
    });
    told.up = false;
    const down = await get('/rndc');
    expect([down.status, await down.json()]).toEqual([503, { up: false, error: 'no answer' }]);
  });
});

describe('what there is', () => {
  test('zones, one zone by its name in any form, peers and the plan', async () => {
    expect(await json('/zones')).toEqual({ zones: [example] });
    for (const name of ['example.com', 'Example.COM.', '0%2F25.2.0.192.in-addr.arpa']) {
      expect(await json(`/zones/${name}`)).toEqual(example);
    }
    expect(await json('/peers')).toEqual({ peers: [] });
    expect(await json('/plan')).toMatchObject({ actions: [{ kind: 'drop' }] });
  });

  test('metrics come in the type that Prometheus asks for', async () => {
    const metrics = await get('/metrics');
    expect(metrics.headers.get('content-type')).toContain('version=0.0.4');
    expect(await metrics.text()).toBe('up 1\n');
  });

  test('HEAD answers as GET does, without a body and without waiting', async () => {
    for (const path of ['/livez', '/zones', '/metrics', '/transfers?since=0&wait=20']) {
      const head = await get(path, { method: 'HEAD', signal: AbortSignal.timeout(2000) });
      expect([path, head.status, await head.text()]).toEqual([path, 200, '']);
    }
  });

  test.each([
    ['/nowhere', 404, /\/nowhere/],
    ['/zones/other.example', 404, /other\.example/],
    ['/zones/a..b', 400, /empty/],
    ['/transfers?since=x', 400, /^since: want/],
    ['/transfers?since=-1', 400, /^since: want/],
    ['/transfers?since=1&since=2', 400, /^since: want/],
    ['/transfers?wait=26', 400, /^wait: want/],
    ['/readyz?format=xml', 400, /^format: want/],
  ])('%s: %i, and what is wrong as {error}', async (path, status, error) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toEqual({ error: expect.stringMatching(error) });
  });
});

describe('the feed', () => {
  test('tells what changed, and waits for a change when asked to', async () => {
    feed.put({ zone: 'a.example', object: 'dns/a', role: 'primary', state: 'Current', serial: 1 });
    const page = (await json('/transfers')) as { seq: number };
    expect(page).toMatchObject({
      pod: 'dns-0',
      uid: 'uid-0',
      epoch: 'e1',
      seq: 1,
      zones: [{ serial: 1 }],
      gone: [],
    });
    const waiting = json(`/transfers?since=${page.seq}&epoch=e1&wait=20&from=the-future`);
    feed.drop('dns/a');
    expect(await waiting).toMatchObject({ seq: 2, zones: [], gone: ['dns/a'] });
    expect(await json('/transfers?since=2&epoch=before')).toMatchObject({ full: true });
  });

  test('a connection that asks again and again does not gather listeners', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error): number => warnings.push(warning);
    process.on('warning', listen);
    const socket = connect(port, '127.0.0.1');
    let answers = 0;
    socket.on('data', (data) => {
      answers += data.toString().split('HTTP/1.1 200').length - 1;
    });
    const ask = 'GET /transfers?since=0&wait=1 HTTP/1.1\r\nHost: peer\r\n\r\n';
    feed.put({ zone: 'a.example', object: 'dns/a', role: 'primary', state: 'Current' });
    for (let asked = 1; asked <= 20; asked += 1) {
      socket.write(ask);
      await expect.poll(() => answers).toBe(asked);
    }
    socket.destroy();
    process.off('warning', listen);
    expect(warnings).toEqual([]);
  });

  test('ends within a second, also with questions that wait, and the port is free again', async () => {
    feed.put({ zone: 'a.example', object: 'dns/a', role: 'primary', state: 'Current' });
    const waiting = [1, 2, 3].map(() =>
      get('/transfers?since=1&epoch=e1&wait=25').catch(() => 'cut'),
    );
    const idle = connect(port, '127.0.0.1');
    idle.on('error', () => undefined);
    await expect.poll(() => idle.readyState).toBe('open');
    const before = performance.now();
    await server.close();
    expect(performance.now() - before).toBeLessThan(1000);
    await Promise.all(waiting);
    server = await serveHttp(sources(), { address: '0.0.0.0', port });
    expect((await get('/livez')).status).toBe(200);
  });
});

describe('what makes named do something', () => {
  const post = (path: string, init: RequestInit = {}, host?: string): Promise<Response> =>
    get(path, { method: 'POST', ...init }, host);

  test.each(['retransfer', 'reload', 'notify'])(
    '%s goes to named for a zone of this pod',
    async (command) => {
      const answer = await post(`/zones/example.com/${command}`);
      expect([answer.status, await answer.json()]).toEqual([200, { ok: true, text: 'queued' }]);
      expect(told.commands).toEqual([`${command} example.com.`]);
    },
  );

  test('takes whatever body a client sends along', async () => {
    const form = await post('/zones/example.com/notify', { body: new URLSearchParams({ a: 'b' }) });
    expect(form.status).toBe(200);
    const text = await post('/zones/example.com/notify', { body: 'x' });
    expect(text.status).toBe(200);
  });

  test('tells of a zone that is not here, a command that there is not, and of a failure', async () => {
    expect((await post('/zones/other.example/notify')).status).toBe(404);
    expect((await post('/zones/example.com/stop')).status).toBe(404);
    expect(told.commands).toEqual([]);
    told.commandFails = true;
    const failed = await post('/zones/example.com/reload');
    expect(failed.status).toBe(502);
    expect(await failed.json()).toMatchObject({ error: 'not found' });
  });

  test('a held plan is approved by its hash', async () => {
    expect((await post('/approve?hash=abc')).status).toBe(200);
    expect((await post('/approve?hash=other')).status).toBe(409);
  });

  const outside = Object.values(networkInterfaces())
    .flat()
    .find((each) => each !== undefined && !each.internal && each.family === 'IPv4')?.address;

  test.skipIf(outside === undefined)(
    'is refused to callers from elsewhere, reading is not',
    async () => {
      const from = (request: string): Promise<string> => raw(request, outside);
      const refused = await from(
        'POST /zones/example.com/retransfer HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n',
      );
      expect(refused).toMatch(/^HTTP\/1\.1 403 .*"error":"only callers in the pod/s);
      const approve = await from(
        'POST /approve HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n',
      );
      expect(approve).toMatch(/^HTTP\/1\.1 403/);
      const read = await from('GET /zones HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n');
      expect(read).toMatch(/^HTTP\/1\.1 200/);
      expect(told.commands).toEqual([]);
    },
  );

  test('is refused to a page of another site, whose browser reaches a forwarded port', async () => {
    // fetch does not let a program set this header; a browser always does.
    const answer = await raw(
      'POST /zones/example.com/retransfer HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nConnection: close\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 403/);
    expect(told.commands).toEqual([]);
  });
});

function raw(request: string, localAddress = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(request);
  });
}
