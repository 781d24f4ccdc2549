/**
 * Node's own HTTP, without `fetch`: that one has a parser in WebAssembly, whose compiling and optimizing takes 30 MB of memory
 * that is never given back. And without an `import`: a module that imports node:http looks at all that it exports, and so
 * loads `fetch` as well.
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');

export interface HttpGetOptions {
  readonly signal: AbortSignal;
  /** Bytes of the longest answer that is taken. */
  readonly largest?: number;
}

/** Asks for a page. Rejects with the reason of the signal where that aborts; a redirection is an answer like any other. */
export function httpGet(
  url: string,
  { signal, largest = Number.POSITIVE_INFINITY }: HttpGetOptions,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const asked = http.get(url, { signal }, (response) => {
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
    asked.once('error', failed);
  });
}
