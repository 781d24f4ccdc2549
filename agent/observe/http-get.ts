/**
 * Node's own HTTP, without `fetch`: that one has a parser in WebAssembly, whose compiling and optimizing takes 30 MB of memory
 * that is never given back. And without an `import`: a module that imports node:http looks at all that it exports, and so
 * loads `fetch` as well.
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');

export interface HttpGetOptions {
  readonly signal: AbortSignal;
  /** Default GET; a POST has no body. */
  readonly method?: 'GET' | 'POST';
  /** Bytes of the longest answer that is taken. */
  readonly largest?: number;
}

/** Where a server answers, as a URL begins. */
export const httpOrigin = ({ address, port }: { address: string; port: number }): string =>
  `http://${address.includes(':') ? `[${address}]` : address}:${port}`;

/** Asks for a page. Rejects with the reason of the signal where that aborts; a redirection is an answer like any other. */
export function httpGet(
  url: string,
  { signal, method = 'GET', largest = Number.POSITIVE_INFINITY }: HttpGetOptions,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = http.request(url, { signal, method }, (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on('data', (part: Buffer) => {
        size += part.length;
        if (size <= largest) parts.push(part);
        else asked.destroy(new Error(`the answer is larger than ${largest} bytes`));
      });
      response.once('error', failed);
      response.once('end', () => {
        const text = Buffer.concat(parts).toString();
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    const failed = (error: Error): void => reject(signal.aborted ? signal.reason : error);
    asked.once('error', failed).end();
  });
}
