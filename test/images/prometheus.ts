/** Prometheus' own HTTP API. */
export interface Prometheus {
  /** Instances whose last scrape succeeded and began after this time (ms since the epoch), sorted; or what failed. */
  answering(since?: number): Promise<readonly string[]>;
  /** What a query gives. Throws where Prometheus refuses it, or has a remark on it. */
  query(query: string, at?: number): Promise<readonly Series[]>;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

interface Answer<T> {
  readonly status: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
  readonly data: T;
}

interface Target {
  readonly labels: { readonly instance: string };
  readonly health: string;
  readonly lastError: string;
  readonly lastScrape: string;
}

/** @param address where it listens on port 9090 */
export function prometheusAt(address: string): Prometheus {
  const ask = async <T>(path: string, words: Readonly<Record<string, string>>): Promise<T> => {
    const response = await fetch(
      `http://${address}:9090/api/v1/${path}?${new URLSearchParams(words)}`,
      { signal: AbortSignal.timeout(30_000) },
    );
    const { status, error, warnings = [], infos = [], data } = (await response.json()) as Answer<T>;
    const remarks = [...warnings, ...infos];
    if (status === 'success' && remarks.length === 0) return data;
    throw new Error(`${Object.values(words)}: ${error ?? remarks.join('; ')}`);
  };
  return {
    answering: async (since = 0) => {
      const { activeTargets } = await ask<{ activeTargets: readonly Target[] }>('targets', {});
      return activeTargets
        .filter(({ lastScrape }) => Date.parse(lastScrape) > since)
        .map(({ labels, health, lastError }) =>
          health === 'up' ? labels.instance : `${labels.instance} ${health} ${lastError}`,
        )
        .sort();
    },
    query: async (query, at = Date.now()) => {
      const words = { query, time: String(at / 1000) };
      const { result } = await ask<{ result: readonly Series[] }>('query', words);
      return result;
    },
  };
}
