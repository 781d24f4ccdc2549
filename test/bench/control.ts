import { readFileSync } from 'node:fs';
import { ControlChannel } from '../../agent/apply/control-channel.ts';
import { parseKeyFile } from '../../agent/dns/tsig-key.ts';
import { until } from '../rig/until.ts';

/** A named's control channel and the file with its key. */
export interface Control {
  readonly address: string;
  readonly port: number;
  readonly keyFile: string;
}

/** Gives named one command as soon as it takes it; throws when named refuses it. */
export async function command(control: Control, text: string): Promise<void> {
  await withChannel(control, (channel) => succeed(channel, text));
}

/** Asks for a refresh of every zone, on one connection: the fastest way there is. */
export async function refreshAll(control: Control, zones: readonly string[]): Promise<void> {
  await withChannel(control, async (channel) => {
    await Promise.all(zones.map((zone) => succeed(channel, `refresh ${zone}`)));
  });
}

async function withChannel(
  { address, port, keyFile }: Control,
  work: (channel: ControlChannel) => Promise<void>,
): Promise<void> {
  const keys = parseKeyFile(readFileSync(keyFile, 'utf8'));
  const key = keys.ok ? keys.value[0] : undefined;
  if (key === undefined) throw new Error(`${keyFile} is no key file`);
  const channelAddress = { host: address, port, key, now: Date.now, random: Math.random };
  const channel = new ControlChannel({ ...channelAddress, timeoutMs: 60_000 });
  try {
    const takesCommands = async (): Promise<boolean> => (await channel.command('status')).ok;
    await until(takesCommands, { what: 'named to take commands', withinMs: 60_000, everyMs: 5 });
    await work(channel);
  } finally {
    channel.close();
  }
}

async function succeed(channel: ControlChannel, text: string): Promise<void> {
  const answer = await channel.command(text);
  if (!answer.ok) throw new Error(`rndc ${text}: ${answer.error ?? answer.text}`);
}
