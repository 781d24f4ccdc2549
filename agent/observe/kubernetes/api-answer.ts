import { TransientError } from '../../problem.ts';
import { isObject } from '../../resources/got.ts';

/** What the server has against a request. */
export interface Refusal {
  readonly ok: false;
  /** The HTTP status: 401, 403, 404, 409, 410, 422, …, or 500 for a field that the schema does not declare. */
  readonly code: number;
  /** One word, `Conflict`; empty where the server gave none. */
  readonly reason: string;
  readonly message: string;
}

export type ApiAnswer =
  | {
      readonly ok: true;
      readonly body: Readonly<Record<string, unknown>>;
      /** The server's clock, as an HTTP date. */
      readonly date?: string;
    }
  | Refusal;

export type WatchEvent =
  | {
      readonly type: 'OPENED';
      /** The server's clock, as an HTTP date. */
      readonly date?: string;
    }
  | {
      /** A bookmark's object holds nothing but the version up to which nothing is missing, and annotations. */
      readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
      readonly object: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'REFUSED'; readonly refusal: Refusal };

/** @throws TransientError where the server asks to try later */
export function answerOf(code: number, text: string, date: string | undefined): ApiAnswer {
  if (code < 200 || code > 299) return refusalOf(code, text);
  const body: unknown = text === '' ? {} : JSON.parse(text);
  if (!isObject(body)) throw new TransientError('the answer is no JSON object');
  return { ok: true, body, ...(date !== undefined && { date }) };
}

/** @throws TransientError where the server asks to try later */
export function refusalOf(code: number, text: string): Refusal {
  const { reason, message } = statusOf(text);
  const refusal: Refusal = { ok: false, code, reason, message: message || `HTTP ${code}` };
  if (isForLater(refusal)) throw new TransientError(`${refusal.message} (HTTP ${code})`);
  return refusal;
}

/** @throws TransientError for what is no event, and where the server asks in it to try later */
export function eventOf(line: string): WatchEvent {
  const event: unknown = JSON.parse(line);
  if (!isObject(event) || !isObject(event['object']))
    throw new TransientError('the watch brought something that is no event');
  const { type, object } = event;
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type, object };
    case 'ERROR':
      return {
        type: 'REFUSED',
        refusal: refusalOf(Number(object['code']) || 500, JSON.stringify(object)),
      };
    default:
      throw new TransientError(`the watch brought an event of the type ${String(type)}`);
  }
}

/** Of the server's own errors only this one comes again however often it is tried. */
const isForLater = ({ code, message }: Refusal): boolean =>
  code === 429 ||
  code === 408 ||
  (code >= 500 && !message.includes('field not declared in schema'));

/** The `Status` object that comes with most refusals; proxies and the server's outermost layers say plain text. */
function statusOf(text: string): { readonly reason: string; readonly message: string } {
  try {
    const status: unknown = JSON.parse(text);
    if (isObject(status))
      return { reason: textOf(status['reason']), message: textOf(status['message']) };
  } catch {}
  return { reason: '', message: text.trim().slice(0, 500) };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
