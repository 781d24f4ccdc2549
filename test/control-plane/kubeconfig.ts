import { apiServerUrl, files, type Layout } from './servers.ts';

/** JSON, which is YAML too. */
export function kubeconfigText(layout: Layout, token: string, namespace: string): string {
  const cluster = {
    server: apiServerUrl(layout),
    'certificate-authority': files(layout).authority,
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace } }],
    clusters: [{ name: 'test', cluster }],
    users: [{ name: 'test', user: { token } }],
  });
}
