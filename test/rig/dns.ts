import { createSocket, type Socket } from 'node:dgram';
import type { Place } from './addresses.ts';
import { type Answer, decodeAnswer, encodeQuery, type QueryType, rrTypes } from './dns-wire.ts';

/**
 * An eye of our own on a name server: what the agent says it serves is never verified by the agent's own code. One
 * UDP socket, many questions in flight.
 */
export class DnsEye {
  readonly #socket: Socket;
  readonly #ready: Promise<void>;
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();
  #lastId = 0;
  #closed = false;

  constructor({ address, dnsPort }: Place) {
    this.#socket = createSocket('udp4');
    this.#socket.unref();
    // "Connection refused": nothing listens there, so none of the questions will be answered.
    this.#socket.on('error', () => this.#giveUp());
    this.#socket.on('message', (message) => this.#receive(message));
    this.#ready = new Promise((resolve) => {
      this.#socket.connect(dnsPort, address, resolve);
    });
  }

  /** The answer, or undefined when none came in time. Does not ask again. */
  async ask(name: string, type: QueryType, timeoutMs = 500): Promise<Answer | undefined> {
    await this.#ready;
    const id = this.#freeId();
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(settle, timeoutMs, undefined);
      this.#waiting.set(id, settle);
      this.#socket.send(encodeQuery(id, name, type), (error) => {
        if (error) settle(undefined);
      });
    });
  }

  /** The zone's serial when the server answers for it with authority. */
  async serial(zone: string, timeoutMs = 500): Promise<number | undefined> {
    const answer = await this.ask(zone, 'SOA', timeoutMs);
    if (answer === undefined || answer.rcode !== 0 || !answer.authoritative) return undefined;
    const soa = answer.records.find(({ type }) => type === rrTypes.SOA);
    return soa === undefined ? undefined : Number(soa.data.split(' ')[2]);
  }

  /** The data of a name's records of one type, sorted; undefined without an authoritative answer. */
  async data(name: string, type: QueryType, timeoutMs = 500): Promise<string[] | undefined> {
    const answer = await this.ask(name, type, timeoutMs);
    if (answer === undefined || !answer.authoritative) return undefined;
    return answer.records
      .filter((record) => record.type === rrTypes[type])
      .map(({ data }) => data)
      .sort();
  }

  close(): void {
    this.#giveUp();
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #giveUp(): void {
    for (const settle of [...this.#waiting.values()]) settle(undefined);
  }

  #receive(message: Buffer): void {
    if (message.length < 12) return;
    const settle = this.#waiting.get(message.readUInt16BE(0));
    try {
      settle?.(decodeAnswer(message));
    } catch {
      // Cut short: as good as no answer.
      settle?.(undefined);
    }
  }

  #freeId(): number {
    do this.#lastId = (this.#lastId + 1) & 0xffff;
    while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }
}

/** Opens an eye for one piece of work and closes it after. */
export async function withEye<T>(place: Place, work: (eye: DnsEye) => Promise<T>): Promise<T> {
  const eye = new DnsEye(place);
  try {
    return await work(eye);
  } finally {
    eye.close();
  }
}
