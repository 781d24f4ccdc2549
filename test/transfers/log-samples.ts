import { readFileSync } from 'node:fs';
import type { TransferEvent } from '../../agent/plan/transfer-event.ts';
import { parseLogLine } from '../../agent/plan/transfer-log.ts';

export type Side = 'secondary' | 'primary';

/** Lines of a captured log, by the title of their section; what stands under `# -- secondary` and so on. */
export function logSamples(branch: '9.18' | '9.20'): (title: string, side: Side) => string[] {
  const file = new URL(`./fixtures/named-${branch}.txt`, import.meta.url);
  const sections = new Map<string, string[]>();
  let title = '';
  let side = '';
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.startsWith('### ')) [title, side] = [line.slice(4), ''];
    else if (line.startsWith('# -- ')) side = line.slice(5);
    else if (line !== '') {
      const key = `${title}|${side}`;
      sections.set(key, [...(sections.get(key) ?? []), line]);
    }
  }
  return (wanted, of) => {
    const found = [...sections].find(([key]) => key.startsWith(wanted) && key.endsWith(`|${of}`));
    if (found === undefined) throw new Error(`no sample "${wanted}" of a ${of}`);
    return found[1];
  };
}

export const eventsOf = (lines: readonly string[]): TransferEvent[] =>
  lines.map(parseLogLine).filter((event) => event !== undefined);
