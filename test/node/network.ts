import { run } from '../../agent/process.ts';
import type { Ledger } from '../rig/ledger.ts';

/** The network of one node: pods and the node on one bridge. Nothing leads out of it. */
export interface Network {
  readonly bridge: string;
  readonly nodeIp: string;
  /** 62 addresses for documentation, of pods. */
  readonly pods: string;
  readonly services: string;
  /** What pods are told to find the API server at. */
  readonly apiServer: string;
}

/** Several nodes on one machine, each with networks of its own. */
const slices = [0, 64, 128, 192];

/** Makes the bridge, with the node's address and that of the API server, in a range that nobody here has. */
export async function openNetwork(name: string, ledger: Ledger): Promise<Network> {
  const listed = await must('-o', '-4', 'addr');
  const addresses = [...listed.matchAll(/ inet ([\d.]+)/g)].map(([, address = '']) => address);
  for (const slice of slices) {
    const network = networkAt(name, slice);
    const taken = addresses.some((each) => isWithin(each, network));
    if (taken) continue;
    ledger.hold({ kind: 'link', name });
    // An address of its own: else it takes that of a pod, and another one with each that comes and goes, which pods that know
    // the former notice late.
    const mac = `00:00:5e:00:53:${slice.toString(16).padStart(2, '0')}`;
    await must('link', 'add', name, 'address', mac, 'type', 'bridge');
    await must('addr', 'add', `${network.nodeIp}/26`, 'dev', name);
    await must('addr', 'add', `${network.apiServer}/32`, 'dev', name);
    await must('link', 'set', name, 'up');
    return network;
  }
  throw new Error(`all ${slices.length} ranges of addresses for nodes are taken here`);
}

/** Another node's, or that of a container's network: those take such ranges too. */
const isWithin = (address: string, { pods, services }: Network): boolean =>
  [pods, services].some((range) => {
    const [first = '', last = ''] = [range, address].map((each) => each.split('.')[3]);
    const sameNet = range.startsWith(address.slice(0, address.lastIndexOf('.') + 1));
    return sameNet && Number(last) >> 6 === Number.parseInt(first, 10) >> 6;
  });

const networkAt = (bridge: string, slice: number): Network => ({
  bridge,
  nodeIp: `203.0.113.${slice + 1}`,
  pods: `203.0.113.${slice}/26`,
  services: `198.51.100.${slice}/26`,
  apiServer: `198.51.100.${slice + 1}`,
});

/** For the container runtime: addresses by the plugin `host-local`, whose notes are kept in `folder`. */
export const networkList = ({ bridge, nodeIp, pods, services }: Network, folder: string) => ({
  cniVersion: '1.0.0',
  name: bridge,
  plugins: [
    {
      type: 'bridge',
      bridge,
      // The bridge has its address already, and the machine goes on forwarding nothing.
      isGateway: false,
      ipMasq: false,
      ipam: {
        type: 'host-local',
        dataDir: folder,
        ranges: [[{ subnet: pods, gateway: nodeIp }]],
        routes: [{ dst: services, gw: nodeIp }],
      },
    },
  ],
});

async function must(...args: readonly string[]): Promise<string> {
  const ran = await run('ip', args, { timeoutMs: 10_000 });
  if (!ran.ok) throw new Error(`ip ${args.join(' ')}: ${ran.stderr || ran.message}`);
  return ran.stdout;
}
