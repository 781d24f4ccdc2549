import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { showProblem, TransientError } from '../problem.ts';
import type { Pair } from './certificate-set.ts';
import type { Asked } from './metrics.ts';
import { answer, type Outcome, type Review, readReview, type Verdict } from './review.ts';

export interface WebhookSources {
  readonly judge: Readonly<Record<Asked, (review: Review) => Verdict>>;
  readonly reviewed: (webhook: Asked, outcome: Outcome, seconds: number) => void;
  /** A verdict that could not be reached. */
  readonly failed: (webhook: Asked, error: unknown) => void;
  /** Why no reviews should come; none: they may. */
  readonly unready: () => readonly string[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface WebhookServer {
  /** Connections from now on get this one. */
  serve(pair: Pair): void;
  /** Answers go on, and each asks the client to come over another connection. */
  drain(): void;
  close(): Promise<void>;
}

/** Twice what an API server takes of an object, for it sends the one before along. */
const LARGEST_BODY = 8 * 1024 * 1024;
/** API servers close idle connections after 90 s. Who waits for longer is never surprised by the other's end. */
const IDLE_CONNECTION_MS = 120_000;
const REQUEST_MS = 30_000;

const secured = ({ certificate, key }: Pair) =>
  ({ cert: certificate, key, minVersion: 'TLSv1.2' }) as const;

/** Throws a TransientError where the address or the port cannot be had. */
export async function serveWebhook(
  sources: WebhookSources,
  { address, port, pair }: { readonly address: string; readonly port: number; readonly pair: Pair },
): Promise<WebhookServer> {
  const server: FastifyInstance = Fastify({
    https: secured(pair),
    bodyLimit: LARGEST_BODY,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    requestTimeout: REQUEST_MS,
    forceCloseConnections: 'idle',
  }) as unknown as FastifyInstance;
  const tls = server.server as unknown as { setSecureContext(options: object): void };
  const state = { draining: false };
  server.addHook('onSend', async (_request, reply) => {
    if (state.draining) reply.header('connection', 'close');
  });
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `there is nothing at ${request.method} ${request.url}` }),
  );
  addReviews(server, sources);
  addHealth(server, sources);
  await server.listen({ host: address, port }).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TransientError(`HTTPS cannot be served: ${why}`, { cause });
  });
  return {
    serve: (next) => tls.setSecureContext(secured(next)),
    drain: () => {
      state.draining = true;
    },
    close: () => server.close(),
  };
}

function addReviews(server: FastifyInstance, sources: WebhookSources): void {
  const askedOf = ({ url }: FastifyRequest): Asked =>
    url.startsWith('/validate') ? 'validate' : 'mutate';
  server.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const { statusCode = 500 } = error;
    if (request.method === 'POST') {
      if (statusCode >= 500) sources.failed(askedOf(request), error);
      sources.reviewed(askedOf(request), 'malformed', reply.elapsedTime / 1000);
    }
    return reply.code(statusCode).send({ error: error.message });
  });
  for (const webhook of ['mutate', 'validate'] as const)
    server.post(`/${webhook}`, (request, reply) => {
      const review = readReview(request.body);
      if (!review.ok) {
        sources.reviewed(webhook, 'malformed', reply.elapsedTime / 1000);
        return reply.code(400).send({ error: review.problems.map(showProblem).join('; ') });
      }
      const verdict = sources.judge[webhook](review.value);
      reply.send(answer(review.value, verdict));
      sources.reviewed(webhook, verdict.outcome, reply.elapsedTime / 1000);
      return reply;
    });
}

function addHealth(server: FastifyInstance, { unready, metrics }: WebhookSources): void {
  const tell = (reply: FastifyReply, reasons: readonly string[]): FastifyReply =>
    reply
      .code(reasons.length === 0 ? 200 : 503)
      .type('text/plain; charset=utf-8')
      .send(`${reasons.length === 0 ? 'ok' : reasons.join('\n')}\n`);
  server.get('/livez', (_request, reply) => tell(reply, []));
  server.get('/readyz', (_request, reply) => tell(reply, unready()));
  server.get('/metrics', async (_request, reply) => {
    const { contentType, text } = await metrics();
    return reply.type(contentType).send(text);
  });
}
