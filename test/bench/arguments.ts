import { parseArgs } from 'node:util';
import type { Branch } from '../rig/bind-versions.ts';

export const usage = `npm run bench -- NAME --zones N [--cluster directory|kubernetes] [--runs R] [--records N] [--bind 9.18|9.20] [--json]

  heal-secondary    a killed secondary returns on another address, a tenth of the zones changed meanwhile
  fresh-secondary   the same with an empty disk
  heal-primary      the primary returns on another address, a tenth of the zones changed meanwhile
  create            one zone is written, until every pod serves it
  change            one record is written, in a zone of --records N (default 10), until every pod serves it
  plan              everything is planned from nothing; changeMs for one changed zone
  memory            RSS of the bundled agent, idle, after all zones are served; and after a restart
  api               status writes per zone in the replacement of a secondary, with five pods on an API server
`;

export interface Asked {
  readonly bench: string;
  readonly cluster: 'directory' | 'kubernetes';
  readonly zones: number;
  /** How often; each benchmark has a number of its own for undefined. */
  readonly runs: number | undefined;
  /** Size of the zone whose record changes. */
  readonly records: number;
  /** Undefined: the machine's own BIND. */
  readonly branch: Branch | undefined;
  readonly json: boolean;
}

const names = [
  'heal-secondary',
  'fresh-secondary',
  'heal-primary',
  'create',
  'change',
  'plan',
  'memory',
  'api',
];

/** What is to be measured, or everything that is wrong with the arguments. */
export function readArguments(args: readonly string[]): Asked | { readonly problems: string[] } {
  try {
    const { values, positionals } = parse(args);
    const [bench = ''] = positionals;
    const branch = values.bind;
    const numbers = { zones: values.zones, runs: values.runs ?? '1', records: values.records };
    const problems = wrongNumbers(numbers);
    if (positionals.length !== 1 || !names.includes(bench)) {
      problems.push(`want one of ${names.join(', ')}, got "${positionals.join(' ')}"`);
    }
    // It counts what is written to an API server.
    const cluster = bench === 'api' ? 'kubernetes' : values.cluster;
    if (cluster !== 'directory' && cluster !== 'kubernetes') {
      return {
        problems: [...problems, `--cluster: want directory or kubernetes, got "${cluster}"`],
      };
    }
    if (branch !== undefined && branch !== '9.18' && branch !== '9.20') {
      return { problems: [...problems, `--bind: want 9.18 or 9.20, got "${branch}"`] };
    }
    if (problems.length > 0) return { problems };
    const runs = values.runs === undefined ? undefined : Number(values.runs);
    const [zones, records] = [Number(values.zones), Number(values.records)];
    return { bench, cluster, zones, runs, records, branch, json: values.json };
  } catch (error) {
    return { problems: [error instanceof Error ? error.message : String(error)] };
  }
}

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      zones: { type: 'string', default: '100' },
      cluster: { type: 'string', default: 'directory' },
      runs: { type: 'string' },
      records: { type: 'string', default: '10' },
      bind: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });

const wrongNumbers = (numbers: Readonly<Record<string, string>>): string[] =>
  Object.entries(numbers)
    .filter(([, text]) => !/^[1-9]\d{0,6}$/.test(text))
    .map(([name, text]) => `--${name}: want 1-9999999, got "${text}"`);
