import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Passes connections on as they are, until it is closed. */
export async function forward(
  from: { readonly address: string; readonly port: number },
  to: { readonly address: string; readonly port: number },
): Promise<{ close(): void }> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to.port, to.address);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.once('close', () => {
        open.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(from.port, from.address);
  await once(server, 'listening');
  return {
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
