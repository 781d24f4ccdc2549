import { parseArgs } from 'node:util';
import { playbook } from './play.ts';
import { openStory, type Story } from './story.ts';
import { type Step, show, type View } from './view.ts';

const usage = `npm run demo -- [--zones N] [--json] [--exit]

A primary and two secondaries of real named, each with its agent, in a temporary folder.
  --zones N   how many zones, 1 to 1000 (default 20)
  --json      print nothing but one JSON object with what was measured
  --exit      clean up and exit at the end instead of staying up
`;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (typeof options === 'string') {
    process.stderr.write(options);
    return options === usage ? 0 : 2;
  }
  const stopped = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stopped.abort());
  }
  const story = await openStory(options.zones);
  try {
    await unlessAborted(stopped.signal, show(stepsOf(story), options.view));
    if (options.json) process.stdout.write(`${JSON.stringify(story.figures)}\n`);
    if (!options.exit) await stayUp(story, stopped.signal, options.json);
    return 0;
  } catch (error) {
    // A stop by the user is no failure to tell about.
    if (stopped.signal.aborted) return 130;
    if (options.json) process.stdout.write(`${JSON.stringify(story.figures)}\n`);
    tellFailure(error, story);
    return 1;
  } finally {
    await story.rig.close();
  }
}

function tellFailure(error: unknown, { rig }: Story): void {
  const text = error instanceof Error ? error.message : String(error);
  // A pod that did not start has told the ends of its logs already.
  const tails = text.includes('\n--- ') ? '' : `${rig.tails(8)}\n`;
  process.stderr.write(`\n${text}\n${tails}`);
}

function readOptions(args: readonly string[]): string | Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        zones: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
        exit: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return usage;
    const zones = Number(values.zones);
    if (!Number.isInteger(zones) || zones < 1 || zones > 1000) {
      return `--zones: want 1-1000, got "${values.zones}"\n`;
    }
    const view = values.json ? 'silent' : process.stdout.isTTY ? 'live' : 'plain';
    return { zones, json: values.json, exit: values.exit, view };
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}\n\n${usage}`;
  }
}

interface Options {
  readonly zones: number;
  readonly json: boolean;
  readonly exit: boolean;
  readonly view: View;
}

function stepsOf(story: Story): Step[] {
  const { rig, primary, secondary } = story;
  const zone = 'example.com';
  const where = (): string =>
    [...rig.pods.values()]
      .map(({ name, place }) => `${name} ${place.address}:${place.dnsPort}`)
      .join(', ');
  return [
    {
      title: `a primary and two secondaries start, BIND ${primary.spec.bind.version}`,
      run: async (say) => {
        const ms = await story.start();
        say(where());
        return `all ready after ${seconds(ms)}`;
      },
    },
    {
      title: `${story.figures.zones} zones are written as manifests`,
      run: async () => `served by all three pods after ${seconds(await story.createZones())}`,
    },
    {
      title: `the serial of ${zone} at each pod`,
      run: () => story.serialsOf(zone),
    },
    {
      title: `www.${zone} changes to 203.0.113.7`,
      run: async (say) => {
        const ms = await story.changeRecord(zone, '203.0.113.7');
        say(await story.serialsOf(zone));
        return `answered by all three pods after ${seconds(ms)}`;
      },
    },
    {
      title: `${secondary.name} is killed (-9, named and agent), zones change without it`,
      run: async () => {
        await story.loseSecondary();
        return 'the others serve the changes';
      },
    },
    {
      title: `${secondary.name} comes back on another address`,
      run: async (say) => {
        const old = secondary.place;
        const ms = await story.healSecondary();
        say(moved(old, secondary.place));
        return `every zone right after ${seconds(ms)}`;
      },
    },
    {
      title: `${primary.name} moves to another address, zones change meanwhile`,
      run: async (say) => {
        const old = primary.place;
        const ms = await story.movePrimary();
        say(moved(old, primary.place));
        return `every zone right at both secondaries after ${seconds(ms)}`;
      },
    },
    {
      title: 'every zone is asked for at every pod once more',
      run: async () => {
        await story.verify();
        return `all right; ${story.figures.transfers} transfers so far`;
      },
    },
  ];
}

interface At {
  readonly address: string;
  readonly dnsPort: number;
}

const moved = (from: At, to: At): string =>
  from.address === to.address
    ? `${from.address}:${from.dnsPort} → ${to.address}:${to.dnsPort}`
    : `${from.address} → ${to.address}`;

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

async function unlessAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  await Promise.race([work, aborted(signal).then(() => Promise.reject(signal.reason))]);
}

async function stayUp({ rig }: Story, signal: AbortSignal, quiet: boolean): Promise<void> {
  if (!quiet) process.stdout.write(playbook(rig));
  // Something must keep the process alive while it waits for a signal.
  const alive = setInterval(() => undefined, 60_000);
  await aborted(signal);
  clearInterval(alive);
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

// What a stopped story still waits for must not hold the process.
process.exit(await main());
