import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Clock } from '../clock.ts';
import { type DnsEndpoint, type TimedOut, type Unreachable, unreachable } from './dns-endpoint.ts';

/** A question ready to go, once its id is known. */
export interface Exchange<T> {
  /** Makes the octets to send, under an id that no other open question to this server has. */
  readonly request: (id: number) => { readonly bytes: Buffer; readonly read: ReadReply<T> };
  /** Milliseconds to wait for the answer, each time it is asked. */
  readonly timeoutMs: number;
  /** How often it is asked at most, from 1. */
  readonly attempts: number;
  readonly signal?: AbortSignal;
}

/** Undefined when the datagram is no answer to the question: then the wait goes on. */
export type ReadReply<T> = (reply: Buffer) => T | undefined;

export type Exchanged<T> =
  | { readonly kind: 'reply'; readonly value: T; readonly rttMs: number }
  | TimedOut
  | Unreachable;

export interface UdpServerOptions {
  readonly endpoint: DnsEndpoint;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** 0 to 65535, unpredictable. */
  readonly randomId: () => number;
  /** How many questions may be open at a time; the others queue. */
  readonly window: number;
  /** Called when the last question is answered: the socket is closed by then, the object of no more use. */
  readonly idle: () => void;
}

/** A question on its way, whatever its answer's type. */
interface Job {
  readonly start: (id: number) => Buffer;
  readonly take: (reply: Buffer, rttMs: number) => boolean;
  readonly fail: (outcome: TimedOut | Unreachable) => void;
  readonly timeoutMs: number;
  attemptsLeft: number;
  bytes: Buffer;
  sentAt: number;
  timer?: NodeJS.Timeout;
  done: boolean;
}

/**
 * One DNS server asked over one UDP socket, many questions at a time. The socket is connected to the server: only so
 * does the kernel tell that nobody listens there (Node.js reports no ICMP error on an unconnected one), and it drops
 * what comes from anyone else. It lives as long as questions are open, so each burst has a source port of its own.
 */
export class UdpServer {
  readonly #options: UdpServerOptions;
  readonly #socket: Socket;
  readonly #open = new Map<number, Job>();
  readonly #waiting: Job[] = [];
  #connected = false;
  #closed = false;

  constructor(options: UdpServerOptions) {
    const { address, port, localAddress } = options.endpoint;
    this.#options = options;
    this.#socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    this.#socket.on('error', (error) => this.#failed(error));
    this.#socket.on('message', (reply) => this.#received(reply));
    this.#socket.on('connect', () => {
      this.#connected = true;
      this.#pump();
    });
    if (localAddress === undefined) this.#socket.connect(port, address);
    else this.#socket.bind(0, localAddress, () => this.#socket.connect(port, address));
  }

  /** Rejects only when the signal aborts. */
  exchange<T>({ request, timeoutMs, attempts, signal }: Exchange<T>): Promise<Exchanged<T>> {
    return new Promise((resolve, reject) => {
      let read: ReadReply<T> = () => undefined;
      const settle = (outcome: Exchanged<T>): void => {
        signal?.removeEventListener('abort', abort);
        resolve(outcome);
      };
      const job: Job = {
        start: (id) => {
          const made = request(id);
          read = made.read;
          return made.bytes;
        },
        take: (reply, rttMs) => {
          const value = read(reply);
          if (value !== undefined) settle({ kind: 'reply', value, rttMs });
          return value !== undefined;
        },
        fail: settle,
        timeoutMs,
        attemptsLeft: attempts,
        bytes: Buffer.alloc(0),
        sentAt: 0,
        done: false,
      };
      const abort = (): void => {
        reject(signal?.reason);
        this.#finish(job);
      };
      if (signal?.aborted === true) {
        abort();
        return;
      }
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(job);
      this.#pump();
    });
  }

  #pump(): void {
    if (!this.#connected || this.#closed) return;
    while (this.#open.size < this.#options.window) {
      const job = this.#waiting.shift();
      if (job === undefined) break;
      if (job.done) continue;
      const id = this.#freeId();
      job.bytes = job.start(id);
      this.#open.set(id, job);
      this.#send(job);
    }
    if (this.#open.size === 0) this.#close();
  }

  #freeId(): number {
    let id = this.#options.randomId();
    while (this.#open.has(id)) id = (id + 1) & 0xffff;
    return id;
  }

  #send(job: Job): void {
    job.attemptsLeft -= 1;
    job.sentAt = this.#options.clock.monotonic();
    job.timer = setTimeout(() => {
      if (job.attemptsLeft > 0) this.#send(job);
      else this.#fail(job, { kind: 'timeout' });
    }, job.timeoutMs);
    this.#socket.send(job.bytes, (error) => {
      if (error) this.#failed(error);
    });
  }

  #received(reply: Buffer): void {
    const job = reply.length < 2 ? undefined : this.#open.get(reply.readUInt16BE(0));
    if (job === undefined || !job.take(reply, this.#options.clock.monotonic() - job.sentAt)) return;
    this.#finish(job);
  }

  /**
   * The kernel does not say which datagram was refused; the server is one, so it goes for all that are on their way.
   * What was never sent is not judged, unless the socket itself could not be made.
   */
  #failed(error: Error): void {
    const outcome = unreachable(this.#options.endpoint, error);
    const jobs = this.#connected ? [...this.#open.values()] : this.#waiting.splice(0);
    for (const job of jobs) job.done = true;
    for (const job of jobs) this.#fail(job, outcome);
    if (!this.#connected) this.#close();
  }

  #fail(job: Job, outcome: TimedOut | Unreachable): void {
    job.fail(outcome);
    this.#finish(job);
  }

  #finish(job: Job): void {
    job.done = true;
    clearTimeout(job.timer);
    if (job.bytes.length >= 2) this.#open.delete(job.bytes.readUInt16BE(0));
    this.#pump();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#options.idle();
  }
}
