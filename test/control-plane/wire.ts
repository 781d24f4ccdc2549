import { connect, createServer, type Socket } from 'node:net';
import { claimPort } from '../rig/ports.ts';

/** A connection between a client and a server on loopback that can be broken in the ways in which networks break. */
export interface Wire {
  readonly port: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Nothing more passes on the connections that are open now, and neither side learns of it; new ones are fine. */
  freeze(): void;
  /** New connections are accepted, and nothing passes on them either. */
  swallow(): void;
  /** All connections are reset, and new ones refused. */
  cut(): Promise<void>;
  /** New connections are fine again; what is frozen stays so. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

export async function openWire(to: number): Promise<Wire> {
  const port = await claimPort();
  const pairs = new Set<readonly [Socket, Socket]>();
  let swallows = false;

  const join = (client: Socket): void => {
    const upstream = connect({ port: to, host: '127.0.0.1' });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        pairs.delete(pair);
        for (const each of pair) each.destroy();
      });
    }
    if (swallows) return;
    client.pipe(upstream);
    upstream.pipe(client);
  };
  const part = ([client, upstream]: readonly [Socket, Socket]): void => {
    client.unpipe(upstream);
    upstream.unpipe(client);
    for (const socket of [client, upstream]) socket.pause();
  };

  const server = createServer(join);
  const listen = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
  const stop = (): Promise<void> => {
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy();
    return stopped;
  };
  await listen();
  return {
    port,
    get open() {
      return pairs.size;
    },
    freeze: () => {
      for (const pair of pairs) part(pair);
    },
    swallow: () => {
      swallows = true;
    },
    cut: stop,
    mend: async () => {
      swallows = false;
      if (!server.listening) await listen();
    },
    close: async () => {
      if (server.listening || pairs.size > 0) await stop();
    },
  };
}
