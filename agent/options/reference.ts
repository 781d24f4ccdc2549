import { stringify } from 'yaml';
import type { Declaration } from './declaration.ts';
import { defaultText } from './help-text.ts';
import { environmentName, flagName } from './names.ts';

const generatedNote =
  'Generated from agent/options/declarations.ts by `npm run check -- --write`; do not edit.';

interface Section {
  /** Empty for the options that are in no section. */
  readonly name: string;
  readonly options: readonly Declaration[];
}

function sectionsOf(options: readonly Declaration[]): Section[] {
  const names = new Set(options.map(({ path }) => sectionName(path)));
  return [...names].map((name) => ({
    name,
    options: options.filter(({ path }) => sectionName(path) === name),
  }));
}

const sectionName = (path: string): string =>
  path.includes('.') ? path.slice(0, path.indexOf('.')) : '';

/** The text of docs/options.md. */
export function referencePage(options: readonly Declaration[]): string {
  const sections = sectionsOf(options).map(
    ({ name, options: own }) =>
      `\n## ${name === '' ? 'General' : `\`${name}\``}\n\n` +
      '| setting | value | default | what it does |\n|---|---|---|---|\n' +
      own.map((each) => `${referenceRow(each)}\n`).join(''),
  );
  return `${pageIntroduction}${sections.join('')}`;
}

const pageIntroduction = `<!-- ${generatedNote} -->
# Settings

Each setting has a key in a YAML file, an environment variable and a flag. Defaults come first; the file given by
\`--config FILE\` (or \`BIND9_AGENT_CONFIG\`) wins over them, the environment over the file, flags over all.
[\`config/agent.example.yaml\`](../config/agent.example.yaml) shows every setting with its default.

- A list is a YAML list, or text with commas: \`BIND9_AGENT_POD_IPS=10.0.0.7,2001:db8::7\`. A flag for a list can be given several
  times. Labels are a YAML mapping, or \`key=value\` pairs with commas.
- A yes-or-no setting has two flags: \`--access-by-address\` and \`--no-access-by-address\`. In the file and the environment it is
  \`true\` or \`false\`.
- An empty variable, or a key without a value, counts as one that is not set.
- Every wrong setting, unknown key and unknown \`BIND9_AGENT_…\` variable is told at once, by the name under which it was given;
  then the agent ends with exit code 2. Variables that Kubernetes itself sets for a Service called \`bind9-agent\` are passed over.
- \`bind9-agent run --help\` tells the same as this page.
`;

function referenceRow(declaration: Declaration): string {
  const { path, kind, unit, help, fallback, mustExist } = declaration;
  const names = [path, flagName(path), environmentName(path)].map((name) => `\`${name}\``);
  const value = [
    unit === undefined ? kind.want : `${kind.want} ${unit}`,
    ...(mustExist === undefined ? [] : ['must exist']),
    ...(mustExist === 'secret-file' ? ['its contents are secret'] : []),
  ].join('; ');
  const told = defaultText(declaration);
  const plain = 'told' in fallback || told === 'nothing';
  const cells = [names.join('<br>'), value, plain ? told : `\`${told}\``, help];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The text of config/agent.example.yaml: every setting, commented out, with its default. */
export function exampleFile(options: readonly Declaration[]): string {
  const sections = sectionsOf(options).map(({ name, options: own }) => {
    const indent = name === '' ? '' : '  ';
    const entries = own.map((each) => exampleEntry(each, indent)).join('\n');
    return name === '' ? `\n${entries}` : `\n${name}:\n${entries}`;
  });
  return `${exampleIntroduction}${sections.join('')}`;
}

const exampleIntroduction = `# Settings of bind9-agent, each with its default: take away the "#" of what you change, and pass the file with --config.
# Environment variables and flags win over this file; docs/options.md names them.
# ${generatedNote}
`;

function exampleEntry(declaration: Declaration, indent: string): string {
  const { path, kind, fallback, help, unit } = declaration;
  const key = path.slice(path.indexOf('.') + 1);
  const value = 'told' in fallback ? '' : ` ${yamlValue(fallback.value)}`;
  const told = 'told' in fallback ? ` Default: ${fallback.told}.` : '';
  const facts = `${help}${told} (${kind.want}${unit === undefined ? '' : ` ${unit}`})`;
  const comment = wrapComment(facts.replaceAll('`', ''), indent);
  return `${comment}${indent}#${key}:${value}\n`;
}

const yamlValue = (value: unknown): string =>
  stringify(value, { collectionStyle: 'flow', defaultStringType: 'PLAIN' }).trim();

function wrapComment(text: string, indent: string): string {
  const lines = text.match(/.{1,96}(?:\s|$)/g) ?? [];
  return lines.map((line) => `${indent}# ${line.trimEnd()}\n`).join('');
}
