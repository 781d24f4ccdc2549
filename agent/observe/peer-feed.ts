import type { Clock } from '../clock.ts';
import type { FeedPage } from '../report/feed.ts';
import { httpGet, httpOrigin } from './http-get.ts';
import { parsePage } from './peer-page.ts';

/** Where a peer's agent answers. */
export interface FeedPeer {
  readonly pod: string;
  readonly uid: string;
  readonly address: string;
  readonly port: number;
  /** Why it is followed: for what it tells of its copies, or only to know that it is there. */
  readonly purpose: 'copies' | 'life';
}

export type FeedState =
  | { readonly kind: 'not-asked' }
  | { readonly kind: 'answering' }
  /** `why`: a sentence with address and cause. */
  | { readonly kind: 'silent'; readonly why: string };

export interface PeerFeedsDeps {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
  /** 0 to 1. */
  readonly random: () => number;
  /** A peer has told of its copies. Called in the order of the peer's changes. */
  readonly onPage: (pod: string, page: FeedPage) => void;
  /** A peer that has answered does not any more. */
  readonly onSilence?: (pod: string) => void;
  /** Seconds for which a peer may hold back an answer until something changes; at most 25. Default 20. */
  readonly waitSeconds?: number;
  /** Milliseconds for an answer beyond that. Default 8000. */
  readonly timeoutMs?: number;
}

interface Followed {
  readonly peer: FeedPeer;
  readonly end: AbortController;
  state: FeedState;
}

/** What a peer with 100,000 zones tells in one page is a small part of this. */
const largestPage = 32 * 1024 * 1024;
/** The least time between two questions that brought nothing: a peer that never waits must not be asked in a loop. */
const emptyPauseMs = 1000;

/**
 * Follows the feeds of all peers: one question is open at each at any time. A peer that does not answer is asked again
 * after a growing pause; its copies are then judged by the wire alone.
 */
export class PeerFeeds {
  readonly #deps: PeerFeedsDeps;
  readonly #followed = new Map<string, Followed>();
  readonly #running = new Set<Promise<void>>();

  constructor(deps: PeerFeedsDeps) {
    this.#deps = deps;
  }

  /** Whom to follow from now on; those that are followed already, for the same, go on undisturbed. */
  follow(peers: Iterable<FeedPeer>): void {
    const wanted = new Map([...peers].map((peer) => [peer.pod, peer]));
    const before = new Map(this.#followed);
    for (const [pod, { peer, end }] of before) {
      if (samePeer(peer, wanted.get(pod))) continue;
      end.abort();
      this.#followed.delete(pod);
    }
    for (const [pod, peer] of wanted) {
      if (this.#followed.has(pod)) continue;
      const former = before.get(pod);
      // That it has answered is not forgotten where it is only asked for something else.
      const isSame = former?.peer.uid === peer.uid && former.peer.address === peer.address;
      const state: FeedState = isSame ? former.state : { kind: 'not-asked' };
      const followed: Followed = { peer, end: new AbortController(), state };
      this.#followed.set(pod, followed);
      const running = this.#run(followed).finally(() => this.#running.delete(running));
      this.#running.add(running);
    }
  }

  stateOf(pod: string): FeedState {
    return this.#followed.get(pod)?.state ?? { kind: 'not-asked' };
  }

  /** Ends all questions; resolves when none is open. */
  async close(): Promise<void> {
    this.follow([]);
    await Promise.all(this.#running);
  }

  async #run(followed: Followed): Promise<void> {
    const { peer, end } = followed;
    const { clock, random, onPage, waitSeconds = 20 } = this.#deps;
    let known = { seq: 0, epoch: '', wait: 0 };
    let failures = 0;
    while (!end.signal.aborted) {
      const askedAt = clock.monotonic();
      const answer = await this.#ask(peer, known, end.signal);
      if (end.signal.aborted) return;
      if (typeof answer === 'string') {
        this.#fallSilent(followed, answer);
        await clock.sleep(pauseAfter(failures, random), end.signal);
        failures += 1;
        continue;
      }
      followed.state = { kind: 'answering' };
      failures = 0;
      if (peer.purpose === 'copies' && hasNews(answer)) onPage(peer.pod, answer);
      const brief = clock.monotonic() - askedAt < emptyPauseMs && known.wait > 0;
      const nothing = answer.seq === known.seq && answer.epoch === known.epoch;
      known = { seq: answer.seq, epoch: answer.epoch, wait: answer.more ? 0 : waitSeconds };
      if (brief && nothing) await clock.sleep(emptyPauseMs, end.signal);
    }
  }

  #fallSilent(followed: Followed, why: string): void {
    const answered = followed.state.kind === 'answering';
    followed.state = { kind: 'silent', why };
    if (answered) this.#deps.onSilence?.(followed.peer.pod);
  }

  /** A page, or why there is none. */
  async #ask(
    peer: FeedPeer,
    { seq, epoch, wait }: { readonly seq: number; readonly epoch: string; readonly wait: number },
    end: AbortSignal,
  ): Promise<FeedPage | string> {
    const late = wait * 1000 + (this.#deps.timeoutMs ?? 8000);
    const query = new URLSearchParams({ since: String(seq), wait: String(wait) });
    if (epoch !== '') query.set('epoch', epoch);
    const where = `${peer.address} port ${peer.port}`;
    const given = new AbortController();
    const giveUp = (): void => given.abort();
    const timer = setTimeout(giveUp, late);
    end.addEventListener('abort', giveUp, { once: true });
    try {
      const { status, text } = await httpGet(`${httpOrigin(peer)}/transfers?${query}`, {
        signal: given.signal,
        largest: largestPage,
      });
      if (status !== 200) return `${where} answers HTTP ${status}`;
      const page = parsePage(JSON.parse(text));
      if (page === undefined) return `${where} answers, but not as a peer's feed`;
      const other = page.pod !== peer.pod || page.uid !== peer.uid;
      return other ? `${where} answers as pod ${page.pod}, uid ${page.uid}` : page;
    } catch (error) {
      return given.signal.aborted
        ? `${where} does not answer within ${late} ms`
        : `${where} does not answer: ${error instanceof Error ? error.message : String(error)}`;
    } finally {
      clearTimeout(timer);
      end.removeEventListener('abort', giveUp);
    }
  }
}

const hasNews = ({ full, zones, gone }: FeedPage): boolean =>
  full || zones.length > 0 || gone.length > 0;

/** Milliseconds before the next question to a peer that did not answer. @param random 0 to 1 */
export const pauseAfter = (failures: number, random: () => number): number =>
  Math.min(30_000, 500 * 2 ** failures) * (0.5 + random() / 2);

const samePeer = (a: FeedPeer, b: FeedPeer | undefined): boolean =>
  b !== undefined &&
  a.uid === b.uid &&
  a.address === b.address &&
  a.port === b.port &&
  a.purpose === b.purpose;
