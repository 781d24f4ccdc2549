import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import type { Ledger } from './ledger.ts';
import { claimPort } from './ports.ts';

/** Where a pod's named listens. */
export interface Place {
  readonly address: string;
  readonly dnsPort: number;
}

/**
 * Hands out places for pods. `addresses`: each an address of its own on the loopback interface, one port for all, as
 * in a cluster. `ports`: where we may not add addresses, 127.0.0.1 with a port each; a new address is then a new port.
 */
export interface Places {
  readonly kind: 'addresses' | 'ports';
  take(): Promise<Place>;
  /** After this, nothing answers at the place and the machine no longer has its address. */
  giveBack(place: Place): void;
}

/** `kind` undefined: addresses where the machine lets us add them (root on Linux), else ports. */
export async function openPlaces(ledger: Ledger, kind?: Places['kind']): Promise<Places> {
  const port = await claimPort();
  const ports: Places = {
    kind: 'ports',
    take: async () => ({ address: '127.0.0.1', dnsPort: await claimPort() }),
    giveBack: () => undefined,
  };
  if (kind === 'ports') return ports;
  const first = addAddress(ledger);
  if (first === undefined) return ports;
  const spare = [first];
  return {
    kind: 'addresses',
    take: async () => {
      const address = spare.pop() ?? addAddress(ledger);
      if (address === undefined) throw new Error('cannot add an address to the loopback interface');
      return { address, dnsPort: port };
    },
    giveBack: ({ address }) => {
      spawnSync('ip', ['addr', 'del', `${address}/32`, 'dev', 'lo']);
      ledger.release({ kind: 'address', address });
    },
  };
}

/** Gives the machine this very address until the ledger is swept; false where it may not have it. */
export function takeAddress(ledger: Ledger, address: string): boolean {
  if (process.getuid?.() !== 0) return false;
  ledger.hold({ kind: 'address', address });
  if (spawnSync('ip', ['addr', 'add', `${address}/32`, 'dev', 'lo']).status === 0) return true;
  ledger.release({ kind: 'address', address });
  return false;
}

// named skips `listen-on` addresses that no interface has, so being inside 127/8 is not enough: they must be added.
function addAddress(ledger: Ledger): string | undefined {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const address = `127.${randomInt(64, 128)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
    if (takeAddress(ledger, address)) return address;
  }
  return undefined;
}
