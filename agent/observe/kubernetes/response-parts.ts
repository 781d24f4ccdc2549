import type { IncomingMessage } from 'node:http';

/** The parts of a response as they come. One in which nothing arrives for so long, in ms, is given up: it throws. */
export async function* partsOf(response: IncomingMessage, idleMs: number): AsyncGenerator<Buffer> {
  const timer = setTimeout(
    () => response.destroy(new Error(`nothing was heard for ${idleMs / 1000} s`)),
    idleMs,
  );
  try {
    for await (const part of response) {
      timer.refresh();
      yield part;
    }
  } finally {
    clearTimeout(timer);
  }
}

export async function textOf(response: IncomingMessage, idleMs: number): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of partsOf(response, idleMs)) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** The lines of a response as they come, without their ends; what comes after the last line end is no line. */
export async function* linesOf(response: IncomingMessage, idleMs: number): AsyncGenerator<string> {
  let begun: Buffer[] = [];
  for await (const part of partsOf(response, idleMs)) {
    let start = 0;
    for (let end = part.indexOf(LINE_END); end >= 0; end = part.indexOf(LINE_END, start)) {
      const line = part.subarray(start, end);
      yield begun.length === 0 ? line.toString() : Buffer.concat([...begun, line]).toString();
      begun = [];
      start = end + 1;
    }
    if (start < part.length) begun.push(part.subarray(start));
  }
}

const LINE_END = 0x0a;
