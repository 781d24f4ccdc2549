import { createSecretKey } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  ControlChannel,
  type ControlChannelOptions,
  MAX_COMMAND,
} from '../../agent/apply/control-channel.ts';
import type { ControlError, ControlFailure } from '../../agent/apply/control-error.ts';
import {
  type ControlTable,
  type ControlValue,
  decodeMessage,
  encodeMessage,
  textAt,
} from '../../agent/apply/control-message.ts';
import { rndcProgram, withFallback } from '../../agent/apply/rndc.ts';
import type { TsigKey } from '../../agent/dns/tsig-key.ts';
import { run } from '../../agent/process.ts';
import { until } from '../rig/until.ts';
import { type LocalNamed, localNamed, makeKey } from './local-named.ts';

const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

function channel(options: Partial<ControlChannelOptions> & { port: number; key: TsigKey }) {
  const made = new ControlChannel({
    host: '127.0.0.1',
    timeoutMs: 5000,
    now: Date.now,
    random: Math.random,
    ...options,
  });
  open.push(() => made.close());
  return made;
}

const failure = async (work: Promise<unknown>): Promise<ControlError> =>
  work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: ControlError) => error,
  );

describe('with a real named', () => {
  let named: LocalNamed;
  beforeAll(async () => {
    named = await localNamed(['example.com', 'example.net']);
    await named.start();
  });
  afterAll(() => named.close());

  const toNamed = (more: Partial<ControlChannelOptions> = {}) =>
    channel({ port: named.controlPort, key: named.key, ...more });

  test('tells what named answers, success and refusal alike', async () => {
    const rndc = toNamed();
    const status = await rndc.command('status');
    expect(status).toMatchObject({ ok: true, result: 0 });
    expect(status.text).toContain('server is up and running');
    expect(await rndc.command('zonestatus nowhere.example')).toEqual({
      ok: false,
      result: 23,
      error: 'not found',
      text: "no matching zone 'nowhere.example' in any view",
    });
    expect(await rndc.command('dance')).toMatchObject({ ok: false, error: 'unknown command' });
  });

  test('answers 2,000 commands that were given at once, each with its own answer, within seconds', async () => {
    const rndc = toNamed();
    const start = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 2000 }, (_, i) =>
        rndc.command(i % 2 === 0 ? 'zonestatus example.com' : 'zonestatus example.net'),
      ),
    );
    expect(performance.now() - start).toBeLessThan(5000);
    const names = answers.map(({ text }) => /^name: (.*)$/m.exec(text)?.[1]);
    expect(names).toEqual(names.map((_, i) => (i % 2 === 0 ? 'example.com' : 'example.net')));
  });

  test('carries a command as long as named takes, and refuses a longer one unsent', async () => {
    const rndc = toNamed();
    const padding = (length: number) => `showzone ${'x'.repeat(length - 'showzone '.length)}`;
    expect(await rndc.command(padding(MAX_COMMAND))).toMatchObject({ ok: false });
    const error = await failure(rndc.command(padding(MAX_COMMAND + 1)));
    expect(error).toMatchObject({ kind: 'too-large' });
    expect(error.message).toBe(
      'the command showzone is 29001 bytes long, and named takes 29000 at most',
    );
    expect(await rndc.command('status')).toMatchObject({ ok: true });
  });

  test('says that a key is not the right one', async () => {
    const wrong = toNamed({
      key: { ...named.key, secret: createSecretKey('not the secret', 'utf8') },
    });
    const error = await failure(wrong.command('status'));
    expect(error).toMatchObject({ kind: 'bad-key' });
    expect(error.message).toContain('it does not know the key "control"');
    const other = toNamed({ key: { ...named.key, algorithm: 'hmac-sha512' } });
    expect(await failure(other.command('status'))).toMatchObject({ kind: 'bad-key' });
  });

  test('says that the clocks may be apart when named refuses our time', async () => {
    const error = await failure(toNamed({ now: () => Date.now() - 600_000 }).command('status'));
    expect(error.message).toContain('more than five minutes apart');
  });

  test('keeps a connection alive while nothing is asked', async () => {
    let ticks = 0;
    const now = () => {
      ticks++;
      return Date.now();
    };
    const kept = toNamed({ keepAliveMs: 10, now });
    await kept.command('status');
    const before = ticks;
    // Each message takes the time once: these are the connection's own.
    await until(() => ticks >= before + 5);
    expect(await kept.command('status')).toMatchObject({ ok: true });
  });

  test('goes on over the same object when named was killed and started again', async () => {
    const rndc = toNamed();
    await rndc.command('status');
    await named.kill();
    expect(await failure(rndc.command('status'))).toMatchObject({ kind: 'refused' });
    await named.start();
    expect(await rndc.command('status')).toMatchObject({ ok: true });
  });

  test('gives no answer to a command that named died under, and does not hang', async () => {
    const rndc = toNamed();
    await rndc.command('status');
    await named.hang();
    const [asked] = [failure(rndc.command('status')), failure(rndc.command('status'))];
    await named.kill();
    expect(['closed', 'refused']).toContain((await asked).kind);
    await named.start();
    expect(await rndc.command('status')).toMatchObject({ ok: true });
  });

  test('times out on a named that hangs, together with what waits behind, and recovers', async () => {
    const rndc = toNamed({ timeoutMs: 700 });
    await rndc.command('status');
    await named.hang();
    const start = performance.now();
    const errors = await Promise.all(
      Array.from({ length: 50 }, () => failure(rndc.command('status'))),
    );
    named.signal('SIGCONT');
    expect(performance.now() - start).toBeLessThan(3000);
    expect(new Set(errors.map(({ kind }) => kind))).toEqual(new Set(['timeout']));
    expect(errors[0]?.message).toContain('within 700 ms: it hangs, or is loading zones');
    expect(errors[1]?.message).toContain('not sent');
    await until(async () => (await rndc.command('status').catch(() => undefined))?.ok === true);
  });

  test('times out on a hung named that it was not connected to', async () => {
    await named.hang();
    const error = await failure(toNamed({ timeoutMs: 100 }).command('status'));
    named.signal('SIGCONT');
    expect(error).toMatchObject({ kind: 'timeout' });
  });

  test('gives a command up when it is called off, under way or still waiting', async () => {
    const rndc = toNamed();
    await rndc.command('status');
    await named.hang();
    const off = new AbortController();
    const underWay = failure(rndc.command('status', off.signal));
    const waiting = failure(rndc.command('status', off.signal));
    const survivor = rndc.command('zonestatus example.com');
    off.abort(new Error('enough'));
    expect([(await underWay).message, (await waiting).message]).toEqual(['enough', 'enough']);
    named.signal('SIGCONT');
    expect((await survivor).text).toContain('name: example.com');
    expect(await failure(rndc.command('status', off.signal))).toMatchObject({ message: 'enough' });
  });

  test('fails for good once it is closed', async () => {
    const rndc = toNamed();
    const waiting = [failure(rndc.command('status')), failure(rndc.command('status'))];
    rndc.close();
    waiting.push(failure(rndc.command('status')));
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ kind: 'closed' });
  });

  test('follows named to a new key where both are known in between', async () => {
    const next = makeKey('control2', 'hmac-sha512');
    const rndc = toNamed();
    named.configure([named.key, next]);
    expect(await rndc.command('reconfig')).toMatchObject({ ok: true });
    expect(await rndc.command('status')).toMatchObject({ ok: true });
    const newer = toNamed({ key: next });
    expect(await newer.command('status')).toMatchObject({ ok: true });
    named.configure([next]);
    expect(await newer.command('reconfig')).toMatchObject({ ok: true });
    expect(await failure(rndc.command('status'))).toMatchObject({ kind: 'bad-key' });
    expect(await newer.command('status')).toMatchObject({ ok: true });
    named.configure([named.key]);
    await newer.command('reconfig');
  });

  test('the rndc program gives the same answers', async () => {
    const told: ControlFailure[] = [];
    const native = toNamed();
    const program = rndcProgram({
      run,
      tools: '',
      host: '127.0.0.1',
      port: named.controlPort,
      keyFile: named.keyFile,
      timeoutMs: 5000,
    });
    const { result, ...words } = await native.command('zonestatus nowhere.example');
    expect(await program.command('zonestatus nowhere.example')).toEqual({ result: -1, ...words });
    expect(result).toBe(23);
    const found = await native.command('zonestatus example.com');
    expect(await program.command('zonestatus example.com')).toEqual(found);
    const stanza =
      'addzone added.example { type primary; file "example.com.zone"; allow-transfer { none; }; };';
    expect(await program.command(stanza)).toEqual({ result: 0, ok: true, text: '' });
    expect(await native.command(stanza)).toMatchObject({ ok: false, error: 'already exists' });
    const both = withFallback(native, program, ({ kind }) => told.push(kind));
    expect(await both.command('status')).toMatchObject({ ok: true });
    expect(told).toEqual([]);
    const large = await failure(both.command(`showzone ${'x'.repeat(40_000)}`));
    expect(told).toEqual(['too-large']);
    expect(large).toMatchObject({ kind: 'too-large' });
    expect(large.message).toContain('; the rndc program: ');
  });

  test('the rndc program tells a wrong key and a dead port apart', async () => {
    const program = (more: object) =>
      rndcProgram({
        run,
        tools: '',
        host: '127.0.0.1',
        port: named.controlPort,
        keyFile: named.keyFile,
        timeoutMs: 5000,
        ...more,
      });
    expect(await failure(program({ port: 1 }).command('status'))).toMatchObject({
      kind: 'refused',
    });
    expect(await failure(program({ tools: '/nowhere' }).command('status'))).toMatchObject({
      kind: 'garbled',
    });
  });
});

describe('with something else behind the port', () => {
  const key = makeKey('k');
  let server: Server | undefined;
  const sockets = new Set<Socket>();
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server?.close();
  });

  /** A server that answers each message with what the given function makes of it. */
  async function fake(answer: (request: ControlTable, count: number) => Buffer | undefined) {
    let count = 0;
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        const request = decodeMessage(data.subarray(4), key);
        const reply = request.ok ? answer(request.table, ++count) : undefined;
        if (reply !== undefined) socket.write(reply);
      });
    });
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return { port, key, messages: () => count };
  }

  const reply = (request: ControlTable, change: Record<string, ControlValue> = {}): ControlTable =>
    new Map<string, ControlValue>([
      [
        '_ctrl',
        new Map<string, ControlValue>(
          Object.entries({
            _ser: textAt(request, '_ctrl', '_ser') ?? '',
            _rpl: '1',
            _nonce: '7',
            ...change,
          }),
        ),
      ],
      ['_data', new Map([['text', textAt(request, '_data', 'type') ?? '']])],
    ]);

  test('puts an answer together that comes byte by byte, or large', async () => {
    const text = 'x'.repeat(3_000_000);
    const { port } = await fake((request, count) =>
      encodeMessage(
        count === 1
          ? reply(request)
          : new Map([...reply(request), ['_data', new Map([['text', text]])]]),
        key,
      ),
    );
    expect((await channel({ port, key }).command('dump')).text).toBe(text);
  });

  test.each<[string, (request: ControlTable) => Buffer, ControlFailure, string]>([
    ['no version', () => Buffer.from([0, 0, 0, 2, 0, 0]), 'garbled', 'within its version'],
    ['HTTP', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'garbled', 'bytes long'],
    [
      'another version',
      (request) => {
        const message = encodeMessage(reply(request), key);
        message.writeUInt32BE(2, 4);
        return message;
      },
      'garbled',
      'want version 1, got 2',
    ],
    [
      'another signature',
      (request) => encodeMessage(reply(request), makeKey('k')),
      'bad-key',
      'not signed with the key "k"',
    ],
    [
      'another serial',
      (request) => encodeMessage(reply(request, { _ser: '1' }), key),
      'garbled',
      'want serial',
    ],
    ['an echo', (request) => encodeMessage(request, key), 'garbled', 'it is not a reply'],
    [
      'half a message, whole by its length',
      (request) => {
        const message = encodeMessage(reply(request), key).subarray(0, 150);
        message.writeUInt32BE(146, 0);
        return message;
      },
      'bad-key',
      'not signed',
    ],
  ])('calls %s what it is', async (_, answer, kind, words) => {
    const { port } = await fake((request) => answer(request));
    const error = await failure(channel({ port, key }).command('status'));
    expect(error).toMatchObject({ kind });
    expect(error.message).toContain(words);
  });

  test('asks the rndc program where the answers are garbled, and only there', async () => {
    const { port } = await fake(() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const told: string[] = [];
    const program = { command: async () => ({ result: 0, ok: true, text: 'by program' }) };
    const rndc = withFallback(channel({ port, key }), program, (why) => told.push(why.kind));
    expect(await rndc.command('status')).toMatchObject({ text: 'by program' });
    expect(told).toEqual(['garbled']);
    server?.close();
    for (const socket of sockets) socket.destroy();
    await until(async () => (await failure(rndc.command('status'))).kind === 'refused');
  });

  test('sends a command once more when the kept connection has died, and not a third time', async () => {
    let answering = true;
    const served = await fake((request) => {
      if (answering) return encodeMessage(reply(request), key);
      for (const socket of sockets) socket.destroy();
      return undefined;
    });
    const rndc = channel(served);
    await rndc.command('status');
    answering = false;
    expect(await failure(rndc.command('status'))).toMatchObject({ kind: 'bad-key' });
    // The hand-shake and a command, the second command, and the next connection's hand-shake.
    expect(served.messages()).toBe(4);
  });

  test('lets a refresh or notify wait for all else, and sends the same only once meanwhile', async () => {
    const served = await fake((request) => encodeMessage(reply(request), key));
    const rndc = channel(served);
    const told: string[] = [];
    const tell = (text: string) => rndc.command(text).then(() => told.push(text));
    const first = tell('status');
    const patient = ['b', 'a', 'b', 'a', 'b'].map((zone) => tell(`refresh "${zone}"`));
    const shown = tell('zonestatus "a"');
    await Promise.all([first, shown]);
    expect(told).toEqual(['status', 'zonestatus "a"']);
    await Promise.all(patient);
    // The hand-shake, and four commands.
    expect(served.messages()).toBe(5);
    await tell('refresh "a"');
    expect(served.messages()).toBe(6);
  });

  test('says that nobody listens', async () => {
    const error = await failure(channel({ port: 1, key }).command('status'));
    expect(error).toMatchObject({ kind: 'refused' });
    expect(error.message).toBe(
      "cannot connect to named's control channel at 127.0.0.1 port 1: nobody listens on port 1",
    );
  });
});
