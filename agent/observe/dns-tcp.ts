import { connect } from 'node:net';
import { type DnsEndpoint, type TimedOut, type Unreachable, unreachable } from './dns-endpoint.ts';

export interface Conversation<T> {
  readonly endpoint: DnsEndpoint;
  /** One message, without its length. */
  readonly request: Buffer;
  /** Milliseconds for the connection to stand and the first message to come, then for each further one. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Takes each message; ends the conversation with the first value that is not undefined. */
  readonly read: (message: Buffer) => T | undefined;
}

export type Conversed<T> = { readonly kind: 'done'; readonly value: T } | TimedOut | Unreachable;

/** Sends one request over a TCP connection of its own (RFC 7766 section 8). Rejects when the signal aborts. */
export function converse<T>(conversation: Conversation<T>): Promise<Conversed<T>> {
  const { endpoint, request, timeoutMs, signal, read } = conversation;
  const { address, port, localAddress } = endpoint;
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const socket = connect({
      host: address,
      port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const leave = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      socket.destroy();
    };
    const end = (outcome: Conversed<T>): void => {
      leave();
      resolve(outcome);
    };
    const abort = (): void => {
      leave();
      reject(signal?.reason);
    };
    const timer = setTimeout(() => end({ kind: 'timeout' }), timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });
    const messages = messageSplitter();
    let heard = 0;
    socket.on('connect', () => socket.write(framed(request)));
    socket.on('data', (chunk) => {
      for (const message of messages(chunk)) {
        heard += 1;
        timer.refresh();
        const value = read(message);
        if (value !== undefined) {
          end({ kind: 'done', value });
          return;
        }
      }
    });
    socket.on('error', (error) =>
      end(
        'code' in error && error.code === 'ETIMEDOUT'
          ? { kind: 'timeout' }
          : unreachable(endpoint, error),
      ),
    );
    socket.on('end', () =>
      end(unreachable(endpoint, `closed the connection after ${heard} messages, too early`)),
    );
  });
}

/** RFC 1035 section 4.2.2: each message comes after its length in two octets. */
function framed(message: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(message.length + 2);
  bytes.writeUInt16BE(message.length);
  message.copy(bytes, 2);
  return bytes;
}

/** Puts together what TCP took apart. */
function messageSplitter(): (chunk: Buffer) => Generator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  return function* split(chunk) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= 2) {
      const end = 2 + rest.readUInt16BE(0);
      if (rest.length < end) return;
      const message = rest.subarray(2, end);
      rest = rest.subarray(end);
      yield message;
    }
  };
}
