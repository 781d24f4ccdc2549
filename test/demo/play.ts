import { join } from 'node:path';
import type { Rig } from '../rig/rig.ts';

/** What to look at and to try while the demo stays up. */
export function playbook(rig: Rig): string {
  const pods = [...rig.pods.values()];
  const [first] = pods;
  if (first === undefined) return '';
  const dig = (index: number, question: string): string => {
    const { address, dnsPort } = (pods[index] ?? first).place;
    return `dig @${address} -p ${dnsPort} ${question} +short`;
  };
  // Without the environment that it has in a pod: it is typed at a terminal.
  const agent = `${process.execPath} ${first.spec.agent.args.at(-1)}`;
  const manifest = join(rig.manifests, 'example-com.yaml');
  const pages = pods.map(
    ({ name, url }) => `  ${name.padEnd(20)} ${url}/zones  /peers  /transfers  /metrics  /readyz`,
  );
  return [
    '',
    'Each pod over HTTP:',
    ...pages,
    '',
    'Ask the primary and a secondary:',
    `  ${dig(0, 'example.com SOA')}`,
    `  ${dig(1, 'www.example.com A')}`,
    '',
    'Change something: edit a manifest, or add one, and ask again:',
    `  sed -i 's/192\\.0\\.2\\.25/192.0.2.26/' ${manifest}`,
    `  ${dig(2, 'mail.example.com A')}`,
    '',
    'What the agents say of it:',
    `  ${agent} get zones --directory-path=${rig.clusterFolder}`,
    `  ${agent} get peers --directory-path=${rig.clusterFolder}`,
    `  ${agent} explain example.com --directory-path=${rig.clusterFolder}`,
    '',
    'Kill one and watch it come back:',
    `  kill -9 ${pods.at(-1)?.named?.pid}    # the named of ${pods.at(-1)?.name}`,
    '',
    `Manifests: ${rig.manifests}`,
    `Logs:      ${join(rig.folder, 'pods')}/*/*.log`,
    '',
    'Ctrl-C ends everything and cleans up.',
    '',
  ].join('\n');
}
