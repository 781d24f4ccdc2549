import type { Declaration } from './declaration.ts';
import { environmentName, flagName } from './names.ts';

/** The default as a user would write it; a derived one is told in words. */
export function defaultText({ kind, fallback }: Declaration): string {
  if ('told' in fallback) return fallback.told;
  const shown = kind.show(fallback.value);
  return shown === '' ? 'nothing' : shown;
}

/** Flag, environment variable and help of every option, for a terminal of so many columns. */
export function settingsHelp(options: readonly Declaration[], columns: number): string {
  const entries = options.map((each) => {
    const facts = `${each.unit === undefined ? '' : `${each.unit}; `}default: ${defaultText(each)}`;
    const help = `${each.help} (${facts})`.replaceAll('`', '');
    const lines = wrap(help, Math.max(40, columns - 6)).map((line) => `      ${line}\n`);
    return `  ${flagTerm(each)}  ${environmentName(each.path)}\n${lines.join('')}`;
  });
  return `Settings, each a flag and an environment variable, and a key in the YAML file of --config:\n${entries.join('')}`;
}

/** The flag with a word for its value: `--http-port <number>`. */
export function flagTerm({ path, kind, fallback, mustExist }: Declaration): string {
  const flag = flagName(path);
  if (kind.bare === true) return flag;
  const number = 'value' in fallback && typeof fallback.value === 'number';
  const plural = kind.many === true ? 'list' : 'value';
  const file = mustExist === 'folder' ? 'folder' : mustExist && 'file';
  return `${flag} <${file ?? (number ? 'number' : plural)}>`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
