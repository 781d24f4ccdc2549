import { connect, type Socket } from 'node:net';
import type { TsigKey } from '../dns/tsig-key.ts';
import { ControlError } from './control-error.ts';
import { type ControlTable, decodeMessage, encodeMessage, textAt } from './control-message.ts';
import type { ControlAnswer } from './rndc.ts';

export interface ControlAddress {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
  readonly key: TsigKey;
  /** Milliseconds since 1970: named refuses messages more than five minutes off its own clock. */
  readonly now: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
}

interface Waiting {
  readonly serial: string;
  readonly resolve: (reply: ControlTable) => void;
  readonly reject: (error: unknown) => void;
}

/** As rndc has it: named drops what it reads later than this. */
const EXPIRES_AFTER_S = 60;
/** The longest answer that is believed. A list of all keys, or a zone's stanza, is far below. */
const MAX_REPLY = 64 * 1024 * 1024;
const LENGTH = 4;

/**
 * One TCP connection to named's control channel (BIND 9.18, `bin/named/controlconf.c`). The first message gets a nonce
 * that each further one must carry; serials never repeat. named reads one message at a time: ask one thing, then the
 * next. Once it has failed it stays so; every failure ends the connection.
 */
export class ControlConnection {
  readonly #address: ControlAddress;
  readonly #socket: Socket;
  readonly #onLost: () => void;
  #connected = false;
  #received: Buffer[] = [];
  #receivedLength = 0;
  #serial: number;
  #nonce: string | undefined;
  #waiting: Waiting | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** @param onLost named has ended it, after it had worked */
  constructor(address: ControlAddress, onLost: () => void) {
    this.#address = address;
    this.#onLost = onLost;
    this.#serial = Math.floor(address.random() * 2 ** 32);
    this.#socket = connect({ host: address.host, port: address.port, noDelay: true })
      .on('connect', () => {
        this.#connected = true;
      })
      .on('data', (chunk: Buffer) => this.#receive(chunk))
      .on('error', (error) => this.#end(error))
      .on('close', () => this.#end());
  }

  /** It has shaken hands and not failed since. */
  get usable(): boolean {
    return this.#failure === undefined && this.#nonce !== undefined;
  }

  async ask(command: string): Promise<ControlAnswer> {
    if (this.#nonce === undefined) await this.#shakeHands();
    return answerOf(await this.#exchange(command));
  }

  #end(error?: Error): void {
    const worked = this.usable;
    this.fail(this.#explain(error));
    if (worked) this.#onLost();
  }

  /** Ends the connection; who waits for an answer gets the error. */
  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#socket.destroy();
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }

  async #shakeHands(): Promise<void> {
    const reply = await this.#exchange('null');
    const nonce = textAt(reply, '_ctrl', '_nonce');
    if (nonce !== undefined) {
      this.#nonce = nonce;
      return;
    }
    const error = this.#garbled('it has no nonce');
    this.fail(error);
    throw error;
  }

  #exchange(command: string): Promise<ControlTable> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure.error);
        return;
      }
      const serial = String(this.#nextSerial());
      this.#waiting = { serial, resolve, reject };
      this.#socket.write(encodeMessage(this.#request(serial, command), this.#address.key));
    });
  }

  #nextSerial(): number {
    this.#serial = (this.#serial + 1) % 2 ** 32;
    return this.#serial;
  }

  #request(serial: string, command: string): ControlTable {
    const seconds = Math.floor(this.#address.now() / 1000);
    const control = new Map([
      ['_ser', serial],
      ['_tim', String(seconds)],
      ['_exp', String(seconds + EXPIRES_AFTER_S)],
    ]);
    if (this.#nonce !== undefined) control.set('_nonce', this.#nonce);
    return new Map([
      ['_ctrl', control],
      ['_data', new Map([['type', command]])],
    ]);
  }

  #receive(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#receivedLength += chunk.length;
    while (this.#failure === undefined) {
      const message = this.#takeMessage();
      if (message === undefined) return;
      this.#accept(message);
    }
  }

  /** The next whole message, without its length. */
  #takeMessage(): Buffer | undefined {
    if (this.#receivedLength < LENGTH) return undefined;
    const first = this.#gather(LENGTH);
    const length = first.readUInt32BE(0);
    if (length > MAX_REPLY) {
      this.fail(this.#garbled(`it would be ${length} bytes long`));
      return undefined;
    }
    const end = LENGTH + length;
    if (this.#receivedLength < end) return undefined;
    const all = this.#gather(end);
    this.#received = all.length === end ? [] : [all.subarray(end)];
    this.#receivedLength -= end;
    return all.subarray(LENGTH, end);
  }

  /** What was received, as one buffer of at least this length; joined only when it must be. */
  #gather(length: number): Buffer {
    const [first] = this.#received;
    if (first !== undefined && first.length >= length) return first;
    const all = Buffer.concat(this.#received);
    this.#received = [all];
    return all;
  }

  #accept(message: Buffer): void {
    const { key } = this.#address;
    const decoded = decodeMessage(message, key);
    if (!decoded.ok) {
      this.fail(
        decoded.why === 'unsigned'
          ? new ControlError('bad-key', `the answer of ${this.#where()}: ${decoded.problem}`)
          : this.#garbled(decoded.problem),
      );
      return;
    }
    const waiting = this.#waiting;
    const problem = mismatch(decoded.table, waiting?.serial);
    if (problem !== undefined) {
      this.fail(this.#garbled(problem));
      return;
    }
    this.#waiting = undefined;
    waiting?.resolve(decoded.table);
  }

  #garbled(problem: string): ControlError {
    return new ControlError(
      'garbled',
      `what ${this.#where()} answered is no answer of a control channel: ${problem}`,
    );
  }

  /** Why the socket ended by itself. */
  #explain(error?: Error): ControlError {
    const { key, port } = this.#address;
    const code = error !== undefined && 'code' in error ? String(error.code) : undefined;
    const options = { cause: error };
    if (!this.#connected) {
      const kind = code === 'ETIMEDOUT' ? 'timeout' : 'refused';
      const words = code === 'ECONNREFUSED' ? `nobody listens on port ${port}` : code;
      return new ControlError(kind, `cannot connect to ${this.#where()}: ${words}`, options);
    }
    if (this.#nonce === undefined && error === undefined) {
      return new ControlError(
        'bad-key',
        `${this.#where()} closed the connection on our first message: it does not know the key "${key.name}" with this algorithm and secret, or its clock and ours are more than five minutes apart`,
        options,
      );
    }
    return new ControlError(
      'closed',
      `${this.#where()} closed the connection${code === undefined ? '' : ` (${code})`}: it has stopped, has taken a new key, or does not admit this address`,
      options,
    );
  }

  #where(): string {
    return `named's control channel at ${this.#address.host} port ${this.#address.port}`;
  }
}

/** Why a message is not the reply to the request of this serial. */
function mismatch(table: ControlTable, serial: string | undefined): string | undefined {
  if (serial === undefined) return 'nothing was asked';
  if (textAt(table, '_ctrl', '_rpl') === undefined) return 'it is not a reply';
  const got = textAt(table, '_ctrl', '_ser');
  return got === serial ? undefined : `want serial ${serial}, got ${got}`;
}

function answerOf(reply: ControlTable): ControlAnswer {
  const text = textAt(reply, '_data', 'text') ?? '';
  const error = textAt(reply, '_data', 'err');
  const result = Number(textAt(reply, '_data', 'result') ?? (error === undefined ? 0 : -1));
  if (result === 0) return { result, ok: true, text };
  return { result, ok: false, text, error: error ?? `result ${result}` };
}
