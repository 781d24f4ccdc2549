import type { Agent, IncomingMessage } from 'node:http';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../clock.ts';
import { TransientError } from '../../problem.ts';
import { http, https } from '../http-get.ts';
import type { Access, Credentials } from './access.ts';
import {
  type ApiAnswer,
  answerOf,
  eventOf,
  type Refusal,
  refusalOf,
  type WatchEvent,
} from './api-answer.ts';
import { HeldBack } from './held-back.ts';
import { linesOf, textOf } from './response-parts.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** `/apis/bindy.firestoned.io/v1beta1/namespaces/default/dnszones/example/status` */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** `apply`: server-side apply. Default `json`. */
  readonly contentType?: 'apply' | 'merge' | 'json-patch' | 'json';
}

export interface WatchRequest {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** A stream in which nothing arrives for so long, in ms, is broken. */
  readonly idleMs: number;
}

/**
 * The one door to the API server. "Try later" (429, 5xx), time-outs and broken connections are `TransientError`s, and
 * so is what comes before the time at which the server wants to be asked again; what it has against a request is an answer.
 */
export interface KubernetesApi {
  request(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer>;
  /**
   * The events of a watch until the server ends it, refuses it (the last event then says so), or the signal aborts. First
   * comes `OPENED`: the server has accepted it.
   */
  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<WatchEvent>;
  /** Breaks what is under way. */
  close(): void;
}

export interface ApiOptions {
  readonly access: Access;
  /** `bind9-agent/0.1.0` */
  readonly userAgent: string;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** How long the server may let us wait for the beginning of an answer, and for each further part of it, in ms. Default 8,000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 8000;
/** A peer that vanished is noticed after this and ten further seconds, also on a connection that is silent by nature. */
const KEEP_ALIVE_MS = 10_000;
/** The server closes idle connections after 90 s: not to be surprised by it, we do before. */
const IDLE_CONNECTION_MS = 45_000;

const contentTypes = {
  apply: 'application/apply-patch+yaml',
  merge: 'application/merge-patch+json',
  'json-patch': 'application/json-patch+json',
  json: 'application/json',
} as const;

/** Requests over kept connections, HTTP/1.1: where HTTP/2 is spoken, one connection that hangs holds up everything. */
export class HttpApi implements KubernetesApi {
  readonly #options: ApiOptions;
  readonly #timeoutMs: number;
  readonly #closing = new AbortController();
  readonly #heldBack: HeldBack;
  #connections: { readonly tls: Credentials['tls']; readonly agent: Agent } | undefined;

  constructor(options: ApiOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#heldBack = new HeldBack(options);
  }

  async request(request: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer> {
    try {
      const response = await this.#authorized(request, this.#signal(signal));
      const text = await textOf(response, this.#timeoutMs);
      return answerOf(response.statusCode ?? 0, text, response.headers.date);
    } catch (error) {
      throw this.#transient(`${request.method} ${request.path}`, error);
    }
  }

  async *watch({ path, query, idleMs }: WatchRequest, signal: AbortSignal) {
    const all = { ...query, watch: 'true', allowWatchBookmarks: 'true' };
    try {
      const request = { method: 'GET', path, query: all } as const;
      const response = await this.#authorized(request, this.#signal(signal));
      const code = response.statusCode ?? 0;
      if (code === 200) {
        const { date } = response.headers;
        yield { type: 'OPENED', ...(date !== undefined && { date }) } as const;
        for await (const line of linesOf(response, idleMs)) yield eventOf(line);
      } else yield refused(refusalOf(code, await textOf(response, this.#timeoutMs)));
    } catch (error) {
      if (!signal.aborted) throw this.#transient(`watch ${path}`, error);
    }
  }

  close(): void {
    this.#closing.abort(new Error('the agent stops'));
    this.#connections?.agent.destroy();
  }

  /** Sends it, and once more where other credentials are there by now than those that were refused. */
  async #authorized(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { access } = this.#options;
    const what = `${request.method} ${collectionOf(request.path)}`;
    this.#heldBack.check(what);
    let response = await this.#send(request, await access.credentials(), signal);
    if (response.statusCode === 401 && (await access.renew())) {
      response.resume();
      response = await this.#send(request, await access.credentials(), signal);
    }
    const { statusCode: code = 0, headers } = response;
    const later = headers['retry-after'];
    if (later !== undefined && code >= 400) this.#heldBack.note(what, code, later);
    return response;
  }

  async #send(
    request: ApiRequest,
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    for (;;) {
      const { response, reused } = await this.#sendOnce(request, credentials, signal);
      if (!(response instanceof Error)) return response;
      // The server may close a kept connection in the very moment in which it is used again: then it has read nothing.
      const closed = reused && 'code' in response && response.code === 'ECONNRESET';
      if (!closed || signal.aborted) throw response;
    }
  }

  #sendOnce(
    { method, path, query = {}, body, contentType = 'json' }: ApiRequest,
    { authorization, impersonated, tls }: Credentials,
    signal: AbortSignal,
  ): Promise<{ readonly response: IncomingMessage | Error; readonly reused: boolean }> {
    const { server } = this.#options.access;
    const url = new URL(`${server.pathname.replace(/\/$/, '')}${path}`, server);
    url.search = new URLSearchParams(query).toString();
    const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const request = url.protocol === 'http:' ? http.request : https.request;
    return new Promise((resolve) => {
      const sent = request(url, {
        method,
        signal,
        agent: this.#agentFor(tls),
        headers: {
          accept: 'application/json',
          'user-agent': this.#options.userAgent,
          ...(authorization === undefined ? {} : { authorization }),
          ...(impersonated === undefined ? {} : { 'impersonate-user': impersonated }),
          ...(text === undefined
            ? {}
            : { 'content-type': contentTypes[contentType], 'content-length': text.length }),
        },
      });
      const late = setTimeout(() => {
        this.#distrust();
        sent.destroy(new Error(`no answer within ${this.#timeoutMs / 1000} s`));
      }, this.#timeoutMs);
      // An error after the response has begun is the response's to tell.
      const settle = (response: IncomingMessage | Error): void => {
        clearTimeout(late);
        resolve({ response, reused: sent.reusedSocket });
      };
      sent.setSocketKeepAlive(true, KEEP_ALIVE_MS);
      sent.once('response', settle).on('error', settle).end(text);
    });
  }

  /** One for as long as the certificates are the same. */
  #agentFor(tls: Credentials['tls']): Agent {
    if (this.#connections?.tls !== tls) {
      this.#connections?.agent.destroy();
      const kept = { keepAlive: true, timeout: IDLE_CONNECTION_MS };
      const plain = this.#options.access.server.protocol === 'http:';
      // Each of some twenty connections would read the certificates into a context of its own.
      const secured = () => ({ ...kept, ...tls, secureContext: createSecureContext(tls) });
      const agent = plain ? new http.Agent(kept) : new https.Agent(secured());
      this.#connections = { tls, agent };
    }
    return this.#connections.agent;
  }

  /** What has killed one connection without a word has killed those beside it: they would be tried one by one. */
  #distrust(): void {
    for (const idle of Object.values(this.#connections?.agent.freeSockets ?? {}))
      for (const socket of idle ?? []) socket.destroy();
  }

  #signal(signal: AbortSignal | undefined): AbortSignal {
    const { signal: closing } = this.#closing;
    return signal === undefined ? closing : AbortSignal.any([closing, signal]);
  }

  #transient(what: string, error: unknown): TransientError {
    const { origin } = this.#options.access.server;
    return new TransientError(`${what}: ${whyOf(error)} (API server ${origin})`, { cause: error });
  }
}

/** Limits are for all objects of a kind. */
const collectionOf = (path: string): string =>
  path.replace(/(\/namespaces\/[^/]+\/[^/]+)\/.*$/, '$1');

const refused = (refusal: Refusal): WatchEvent => ({ type: 'REFUSED', refusal });

/** Where several addresses were tried, the error as a whole says nothing. */
function whyOf(error: unknown): string {
  if (error instanceof AggregateError) return whyOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
