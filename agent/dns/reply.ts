import { decodeMessage } from './decode-message.ts';
import type { Message } from './message.ts';
import type { DomainName } from './name.ts';
import type { ResponseVerifier } from './tsig.ts';

/** Why a server's answer is of no use. */
export type ReplyFailure = RcodeFailure | TsigRefusal | FormErr;

export interface RcodeFailure {
  readonly kind: 'rcode';
  /** `REFUSED`, `SERVFAIL`, `NOTAUTH`, `NXDOMAIN`, …; never NOERROR here. */
  readonly rcode: string;
}

export interface TsigRefusal {
  readonly kind: 'tsig';
  /** `BADKEY`, `BADSIG`, `BADTIME`, `BADTRUNC`, or `unsigned`: see `TsigFailure`. */
  readonly error: string;
  readonly by: 'server' | 'client';
  readonly skewSeconds?: number;
  /** The response code that came with it. Unproven. */
  readonly rcode: string;
}

/** The reply cannot be read, or says what it must not. */
export interface FormErr {
  readonly kind: 'formerr';
  readonly message: string;
}

/** What was asked, and how to prove the answer to it. */
export interface Asked {
  readonly id: number;
  readonly name: DomainName;
  readonly type: string;
  /** Only where the request was signed: then the answer must be. */
  readonly verifier?: ResponseVerifier;
}

export interface GoodReply {
  readonly kind: 'reply';
  readonly message: Message;
  /** False where a signed one has yet to come (only within a transfer). */
  readonly proven: boolean;
}

/**
 * Opens what came in answer to a question: decoded, ours, signed as it must be, NOERROR. `stray`: it answers something
 * else. `now` in seconds since the epoch.
 */
export function openReply(
  bytes: Buffer,
  asked: Asked,
  now: number,
): GoodReply | ReplyFailure | { readonly kind: 'stray' } {
  const decoded = decodeMessage(bytes);
  if (!decoded.ok) {
    const [{ path, problem } = { path: '', problem: 'unreadable' }] = decoded.problems;
    return { kind: 'formerr', message: path === '' ? problem : `${path}: ${problem}` };
  }
  const message = decoded.value;
  if (!answers(message, asked)) return { kind: 'stray' };
  const { rcode } = message;
  const verdict = asked.verifier?.verify(bytes, message, now) ?? { kind: 'genuine' };
  if (verdict.kind === 'failed') return { ...verdict, kind: 'tsig', rcode };
  if (rcode !== 'NOERROR') return { kind: 'rcode', rcode };
  return { kind: 'reply', message, proven: verdict.kind === 'genuine' };
}

// Errors, and the later messages of a transfer (RFC 5936 section 2.2.1), may come without the question.
function answers({ id, flags, opcode, question }: Message, asked: Asked): boolean {
  if (id !== asked.id || !flags.response || opcode !== 'QUERY') return false;
  const [first] = question;
  return (
    first === undefined ||
    (question.length === 1 &&
      first.name === asked.name &&
      first.type === asked.type &&
      first.class === 'IN')
  );
}
