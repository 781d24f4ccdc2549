/**
 * Labels as the downward API writes them into a file: `key="value"`, a line each, values quoted as Go quotes strings.
 * Lines of another form are left out.
 */
export function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const [, key, value] = /^([^=\s]+)=(".*")$/.exec(line.trim()) ?? [];
    if (key !== undefined && value !== undefined) labels[key] = unquote(value);
  }
  return labels;
}

/** Label values hold letters, digits, `-`, `_` and `.` only, so that JSON's rules for quoting do for Go's. */
function unquote(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted.slice(1, -1);
  }
}
