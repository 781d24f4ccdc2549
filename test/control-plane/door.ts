import { Agent, request } from 'node:https';

export interface ApiResponse {
  readonly code: number;
  /** Parsed where it is JSON, else the text. */
  readonly body: unknown;
}

/** How to ask otherwise than as the administrator, in JSON. */
export interface How {
  readonly token?: string;
  readonly contentType?: string;
}

/** Asks the API server itself, on kept connections: for bulk, and to check by what the agent's own client says. */
export interface Door {
  ask(method: string, path: string, body?: unknown, how?: How): Promise<ApiResponse>;
  close(): void;
}

const TIMEOUT_MS = 30_000;

export function openDoor(server: string, authority: string, adminToken: string): Door {
  const agent = new Agent({ ca: authority, keepAlive: true, maxSockets: 32 });
  const ask: Door['ask'] = (method, path, body, { token = adminToken, contentType } = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const headers = {
        authorization: `Bearer ${token}`,
        // Node.js leaves it out for a DELETE, and the server takes the body for the next request.
        'content-length': Buffer.byteLength(text),
        ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
      };
      const asked = request(`${server}${path}`, { agent, method, headers, timeout: TIMEOUT_MS });
      asked.once('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer`)));
      asked.once('error', reject);
      asked.once('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ code: response.statusCode ?? 0, body: parsed(text) });
        });
      });
      asked.end(text);
    });
  return { ask, close: () => agent.destroy() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
