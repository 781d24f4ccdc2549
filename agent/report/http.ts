import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { type DomainName, parseName } from '../dns/name.ts';
import { showProblem, TransientError } from '../problem.ts';
import { type HttpSources, type Verdict, type ZoneCommand, zoneCommands } from './http-sources.ts';

export interface HttpOptions {
  readonly address: string;
  readonly port: number;
}

export interface HttpServer {
  /** Answers who waits, and ends within a second. */
  close(): Promise<void>;
}

/** A long poll of the feed waits this long at most, in seconds. */
const LONGEST_WAIT_S = 25;

/**
 * Serves what the agent knows. Reading is for everyone; what changes something is for callers on this machine. Throws a
 * TransientError where the address or the port cannot be had.
 */
export async function serveHttp(sources: HttpSources, options: HttpOptions): Promise<HttpServer> {
  const server = Fastify({ forceCloseConnections: true, routerOptions: { maxParamLength: 1100 } });
  const closing = new AbortController();
  server.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 500).send({ error: error.message }),
  );
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `there is nothing at ${request.method} ${request.url}` }),
  );
  // Nothing here reads a body: whatever a client sends along is let pass.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, _body, done) => done(null));
  addHealth(server, sources);
  addZones(server, sources);
  addFeed(server, sources, closing.signal);
  addLocal(server, sources);
  await server.listen({ host: options.address, port: options.port }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TransientError(`HTTP cannot be served: ${why}`, { cause });
  });
  return {
    close: async () => {
      closing.abort();
      sources.feed.close();
      await server.close();
    },
  };
}

function addHealth(server: FastifyInstance, sources: HttpSources): void {
  server.get('/livez', (request, reply) => tell(request, reply, sources.live()));
  server.get('/readyz', (request, reply) => tell(request, reply, sources.ready()));
  server.get('/startupz', (request, reply) => tell(request, reply, sources.started()));
  server.get('/rndc', async (_request, reply) => {
    const named = await sources.named();
    return reply.code(named.up ? 200 : 503).send(named);
  });
  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await sources.metrics();
    return reply.type(contentType).send(text);
  });
}

/** As text for people and probes; as JSON for who asks for it, by `Accept` or by `?format=json`. */
function tell(request: FastifyRequest, reply: FastifyReply, verdict: Verdict): FastifyReply {
  const { format } = request.query as { readonly format?: unknown };
  if (format !== undefined && format !== 'json' && format !== 'text')
    return reply.code(400).send(wrong('format', 'json or text'));
  const json = format ?? (request.headers.accept?.includes('application/json') ? 'json' : 'text');
  reply.code(verdict.ok ? 200 : 503);
  if (json === 'json') return reply.send(verdict);
  const lines = [...(verdict.ok ? ['ok'] : verdict.reasons), ...(verdict.notes ?? [])];
  return reply.type('text/plain; charset=utf-8').send(`${lines.join('\n')}\n`);
}

function addZones(server: FastifyInstance, sources: HttpSources): void {
  server.get('/zones', () => ({ zones: sources.zones(), stale: sources.stale() }));
  server.get<{ Params: { name: string } }>('/zones/:name', (request, reply) => {
    const name = zoneNamed(request.params.name, sources, reply);
    return name === undefined ? reply : reply.send(sources.zone(name));
  });
  server.get('/peers', () => ({ peers: sources.peers(), stale: sources.stale() }));
  server.get('/plan', () => sources.plan());
}

/** The name, where it is one and this pod knows the zone; else the reply has said why not. */
function zoneNamed(
  text: string,
  sources: HttpSources,
  reply: FastifyReply,
): DomainName | undefined {
  const name = parseName(text);
  if (!name.ok) {
    reply.code(400).send({ error: name.problems.map(showProblem).join('; ') });
    return undefined;
  }
  if (sources.zone(name.value) === undefined) {
    reply.code(404).send({ error: `this pod does not know the zone ${text}` });
    return undefined;
  }
  return name.value;
}

interface FeedQuery {
  readonly since?: string;
  readonly epoch?: string;
  readonly wait?: string;
}

function addFeed(server: FastifyInstance, { feed }: HttpSources, closing: AbortSignal): void {
  server.get<{ Querystring: FeedQuery }>('/transfers', async (request, reply) => {
    const since = wholeNumber(request.query.since ?? '0', Number.MAX_SAFE_INTEGER);
    const wait = wholeNumber(request.query.wait ?? '0', LONGEST_WAIT_S);
    if (since === undefined) return reply.code(400).send(wrong('since', 'a number from 0'));
    if (wait === undefined)
      return reply.code(400).send(wrong('wait', `seconds, 0 to ${LONGEST_WAIT_S}`));
    if (request.method === 'HEAD') return feed.since(since, request.query.epoch);
    const gone = new AbortController();
    // Of the reply, not of its connection: that one carries many questions, and would gather a listener for each.
    reply.raw.once('close', () => gone.abort());
    const signal = AbortSignal.any([closing, gone.signal]);
    return feed.wait(since, request.query.epoch, wait * 1000, signal);
  });
}

const wrong = (parameter: string, want: string) => ({ error: `${parameter}: want ${want}` });

function wholeNumber(text: string, most: number): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return value <= most ? value : undefined;
}

function addLocal(server: FastifyInstance, sources: HttpSources): void {
  server.post<{ Params: { name: string; command: string } }>(
    '/zones/:name/:command',
    { preHandler: onlyFromHere },
    async (request, reply) => {
      const command = zoneCommands.find((each) => each === request.params.command);
      if (command === undefined)
        return reply.code(404).send({ error: `want one of ${zoneCommands.join(', ')}` });
      const name = zoneNamed(request.params.name, sources, reply);
      return name === undefined ? reply : carryOut(name, command, sources, reply);
    },
  );
  server.post('/drain', { preHandler: onlyFromHere }, () => sources.drain());
  server.post<{ Querystring: { hash?: string } }>(
    '/approve',
    { preHandler: onlyFromHere },
    (request, reply) => {
      const outcome = sources.approve(request.query.hash);
      return reply.code(outcome.ok ? 200 : 409).send(outcome);
    },
  );
}

async function carryOut(
  name: DomainName,
  command: ZoneCommand,
  sources: HttpSources,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const outcome = await sources.command(name, command);
  return reply.code(outcome.ok ? 200 : 502).send(outcome);
}

/**
 * A caller on this machine: the connection's two ends have one address, or it came over loopback. A forwarded port is
 * loopback too, so that a page of another site must not make the browser there send anything.
 */
async function onlyFromHere(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const { remoteAddress = '', localAddress } = request.raw.socket;
  const from = remoteAddress.replace(/^::ffff:/, '');
  const here = from.startsWith('127.') || from === '::1' || remoteAddress === localAddress;
  if (!here)
    return reply
      .code(403)
      .send({ error: `only callers in the pod may do this, got one at ${from}` });
  const site = request.headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    return reply.code(403).send({ error: 'pages of other sites may not do this' });
  return undefined;
}
