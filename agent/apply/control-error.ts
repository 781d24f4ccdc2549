import { TransientError } from '../problem.ts';

/**
 * - `refused`: nobody listens there, or the way is barred
 * - `timeout`: connected or not, no answer in time; named hangs or is loading
 * - `bad-key`: named ended the talk on our first message, or answered with another signature
 * - `closed`: the connection ended before the answer came: the command may or may not have been carried out
 * - `garbled`: what came is no answer to what was asked
 * - `too-large`: the command is more than named takes; it was not sent, and another try is of no use
 */
export type ControlFailure = 'refused' | 'timeout' | 'bad-key' | 'closed' | 'garbled' | 'too-large';

/** named could not be told something, or its answer did not come. The message is a sentence for people. */
export class ControlError extends TransientError {
  readonly kind: ControlFailure;

  constructor(kind: ControlFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
