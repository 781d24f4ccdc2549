import { parseDocument } from 'yaml';
import type { Problem } from '../problem.ts';
import { noSuch } from './closest.ts';
import type { Layer, Setting } from './layer.ts';

const isMapping = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Settings from the text of a YAML file. A key without a value counts as one that is not set. */
export function yamlLayer(file: string, text: string, paths: readonly string[]): Layer {
  const document = parseDocument(text, { prettyErrors: true, logLevel: 'silent' });
  if (document.errors.length > 0) {
    return { settings: [], problems: document.errors.map((error) => badYaml(file, error)) };
  }
  const content: unknown = document.toJS();
  if (content === null || content === undefined) return { settings: [], problems: [] };
  if (!isMapping(content)) {
    return { settings: [], problems: [{ path: file, problem: 'want a YAML mapping of settings' }] };
  }
  return readMapping(content, paths);
}

function badYaml(file: string, error: { message: string }): Problem {
  const firstLine = error.message.split('\n')[0] ?? '';
  return { path: file, problem: `not YAML: ${firstLine.replace(/:$/, '')}` };
}

function readMapping(content: Record<string, unknown>, paths: readonly string[]): Layer {
  const sections = new Set(paths.filter((path) => path.includes('.')).map(sectionOf));
  const settings: Setting[] = [];
  const problems: Problem[] = [];
  const take = (path: string, raw: unknown, siblings: readonly string[]): void => {
    if (!paths.includes(path)) problems.push({ path, problem: noSuch('setting', path, siblings) });
    else if (raw !== null && raw !== undefined) settings.push({ path, name: path, raw });
  };
  for (const [key, value] of Object.entries(content)) {
    if (!sections.has(key)) take(key, value, [...sections, ...paths]);
    else if (isMapping(value)) {
      for (const [name, raw] of Object.entries(value)) take(`${key}.${name}`, raw, paths);
    } else if (value !== null) {
      const problem = `want a mapping of settings, got ${JSON.stringify(value)}`;
      problems.push({ path: key, problem });
    }
  }
  return { settings, problems };
}

const sectionOf = (path: string): string => path.slice(0, path.indexOf('.'));
