import { type DestinationStream, type Logger, pino } from 'pino';
import type { Options } from './options/options.ts';

export type { Logger };

const hidden = '[hidden]';
const secretName = /secret|password|passwd|token|authorization|cookie|private.?key/i;

/**
 * What is looked for in the finished line: key text as it stands in named.conf, and as `nsupdate -y` and `dig -y` take
 * it (quotes are as JSON writes them), and the fields of child loggers, which pino shows to no formatter.
 */
const secretTexts: readonly (readonly [RegExp, string])[] = [
  [/(\bsecret\s+\\")[^"\\]+/gi, `$1${hidden}`],
  [/(\bsecret\s+)[A-Za-z0-9+/=]+(?=\s*;)/gi, `$1${hidden}`],
  [/(\bhmac-[a-z0-9-]+:[^:\s"\\]+:)[A-Za-z0-9+/=]+/gi, `$1${hidden}`],
  [/("[^"\\]*(?:secret|passw|token|authorization)[^"\\]*":)"(?:[^"\\]|\\.)*"/gi, `$1"${hidden}"`],
];

/** A logger that writes one JSON object a line to `destination` (a file descriptor's stream; 2 in the product). */
export function makeLog(level: Options['log']['level'], destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => hideSecrets(fields, 0),
      },
      serializers: { err: showError, error: showError },
    },
    { write: (line) => destination.write(hideSecretTexts(line)) },
  );
}

/**
 * Synchronous, so that the last line before an exit is not lost. A reader that went away ends the lines, and not the
 * agent.
 */
export function standardError(): DestinationStream {
  const stream = pino.destination({ fd: 2, sync: true });
  stream.on('error', () => undefined);
  return stream;
}

/** Fields whose name tells of a secret lose their value, at any depth of plain objects and lists. */
function hideSecrets(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      secretName.test(name) ? hidden : hideWithin(value, depth),
    ]),
  );
}

function hideWithin(value: unknown, depth: number): unknown {
  if (depth > 8) return '[too deep]';
  if (Array.isArray(value)) return value.map((each: unknown) => hideWithin(each, depth + 1));
  const plain =
    typeof value === 'object' &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
  return plain ? hideSecrets(value as Record<string, unknown>, depth + 1) : value;
}

/** An error with its causes, as pino shows it; what else it carries is searched for secrets like any field. */
const showError = (error: Error): unknown =>
  error instanceof Error ? hideSecrets({ ...pino.stdSerializers.err(error) }, 0) : error;

const hideSecretTexts = (line: string): string =>
  secretTexts.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), line);
