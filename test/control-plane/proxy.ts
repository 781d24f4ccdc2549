import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { claimPort } from '../rig/ports.ts';
import type { ControlPlane } from './control-plane.ts';

/** A request as it came, by whichever client. */
export interface Asked {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** By performance.now(). */
  readonly at: number;
}

/** What is done to a request instead of passing it on. */
export type Fault =
  | { readonly code: number; readonly body?: string; readonly headers?: Record<string, string> }
  /** It is passed on so much later. */
  | { readonly delayMs: number };

/** Stands before a control plane's API server under the same certificate, and answers in its place where it is told to. */
export interface ApiProxy {
  /** `https://127.0.0.1:12345` */
  readonly server: string;
  /** All requests so far. */
  readonly asked: readonly Asked[];
  /** From now on. A watch that is open is ended where a fault applies to it. */
  fault(of: ((asked: Asked) => Fault | undefined) | undefined): void;
  close(): Promise<void>;
}

export async function openProxy({ server, folder }: ControlPlane): Promise<ApiProxy> {
  const port = await claimPort();
  const chain = readFileSync(`${folder}/certificates/apiserver.crt`);
  const key = readFileSync(`${folder}/certificates/apiserver.key`);
  const agent = new Agent({ ca: chain, keepAlive: true });
  const asked: Asked[] = [];
  const open = new Map<ServerResponse, Asked>();
  let faultOf: (asked: Asked) => Fault | undefined = () => undefined;

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url: path = '' } = incoming;
    const now = { method, path, at: performance.now() };
    asked.push(now);
    const fault = faultOf(now);
    if (fault !== undefined && 'code' in fault) {
      incoming.resume();
      response.writeHead(fault.code, { 'content-type': 'text/plain', ...fault.headers });
      response.end(fault.body ?? '');
      return;
    }
    if (fault !== undefined) await sleep(fault.delayMs);
    open.set(response, now);
    const { headers } = incoming;
    const upstream = request(`${server}${path}`, { agent, method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // A watch may have nothing to say for long.
      response.flushHeaders();
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    upstream.once('error', () => response.destroy());
    response.once('close', () => {
      open.delete(response);
      upstream.destroy();
    });
    incoming.pipe(upstream);
  };

  const proxy = createServer(
    { cert: chain, key },
    (incoming, response) => void handle(incoming, response),
  );
  const sockets = new Set<Socket>();
  proxy.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
  return {
    server: `https://127.0.0.1:${port}`,
    asked,
    fault: (of) => {
      faultOf = of ?? (() => undefined);
      for (const [response, each] of open) {
        const fault = faultOf(each);
        if (fault !== undefined && 'code' in fault) response.destroy();
      }
    },
    close: async () => {
      const closed = new Promise((resolve) => proxy.close(resolve));
      // Also those that have not shaken hands yet: clients come again and again.
      for (const socket of sockets) socket.destroy();
      await closed;
      agent.destroy();
    },
  };
}
