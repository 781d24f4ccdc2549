import { randomBytes } from 'node:crypto';
import type { ContentLoaderDeps } from '../apply/content-loader.ts';
import { ControlChannel } from '../apply/control-channel.ts';
import { type Ledger, openLedger } from '../apply/ledger.ts';
import { type Rndc, rndcProgram, withFallback } from '../apply/rndc.ts';
import { openPodSecrets, type PodSecrets } from '../apply/secrets.ts';
import { sendUpdates } from '../apply/update.ts';
import type { Clock } from '../clock.ts';
import type { Context } from '../context.ts';
import type { DomainName } from '../dns/name.ts';
import { cleanTemporary, makeFolder } from '../files.ts';
import type { Logger } from '../log.ts';
import type { Cluster } from '../observe/cluster.ts';
import type { Compile } from '../observe/compiler.ts';
import { type NamedZone, readNamedZones } from '../observe/named-statistics.ts';
import type { Options } from '../options/options.ts';
import { failureOf } from '../problem.ts';
import { run } from '../process.ts';
import { Metrics } from '../report/metrics.ts';
import { compileWith } from './compiling.ts';
import { Configuration } from './configuration.ts';
import { type GivenKeys, readKeys } from './keys.ts';
import { openCluster } from './open-cluster.ts';
import { hereAddress } from './settings.ts';
import { Wire } from './wire.ts';

/** Commands to named over a connection that is kept. */
export interface NamedRndc extends Rndc {
  /** Tells when named has ended the connection: it was most likely killed. */
  onLost(listener: () => void): void;
  close(): void;
}

/** The doors of one pod's agent: each effect once, opened from the options. */
export interface AgentParts {
  readonly options: Options;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly given: GivenKeys;
  readonly secrets: PodSecrets;
  readonly ledger: Ledger;
  readonly cluster: Cluster;
  readonly configuration: Configuration;
  readonly rndc: NamedRndc;
  readonly wire: Wire;
  readonly metrics: Metrics;
  /** What named says that it has. Throws a TransientError where it does not answer. */
  readonly statistics: () => Promise<Map<DomainName, NamedZone>>;
  readonly update: ContentLoaderDeps['update'];
  readonly compile: Compile;
}

const CONTROL_TIMEOUT_MS = 5000;
const STATISTICS_TIMEOUT_MS = 10_000;
const UPDATE_TIMEOUT_MS = 60_000;

/** Throws a TransientError that says which folder, file or key is not usable. */
export async function openParts(options: Options, context: Context): Promise<AgentParts> {
  const { paths, named, dns } = options;
  const { log, clock, version } = context;
  for (const folder of [paths.config, paths.zones, paths.newZones, paths.state])
    await prepareFolder(folder);
  const given = await readKeys(options.keys);
  const secrets = await openPodSecrets(paths.state, randomBytes);
  for (const why of secrets.replaced) log.warn({ reason: why }, 'a key of this pod was replaced');
  const ledger = await openLedger(paths.state);
  for (const { line, problem } of ledger.damaged)
    log.warn({ line, reason: problem }, 'a line of the ledger was lost');
  const metrics = new Metrics({ version, now: () => clock.now() });
  const compile = compileWith(options, context.signal);
  const here = { address: hereAddress(options), port: dns.port, tsig: secrets.local.key };
  return {
    options,
    version,
    clock,
    log,
    given,
    secrets,
    ledger,
    metrics,
    compile,
    cluster: await openCluster(options, context, 'pod', (result) => metrics.countEvent(result)),
    configuration: new Configuration(options, given, secrets, log),
    rndc: openRndc(options, secrets, metrics, log, clock),
    wire: new Wire(clock, given, here),
    statistics: () =>
      readNamedZones({
        address: named.controlAddress,
        port: named.statisticsPort,
        timeoutMs: STATISTICS_TIMEOUT_MS,
      }),
    update: (changes, signal) =>
      sendUpdates(
        changes,
        {
          run,
          tools: named.tools,
          server: here,
          keyFile: secrets.local.path,
          timeoutMs: UPDATE_TIMEOUT_MS,
        },
        signal,
      ),
  };
}

/** Makes a folder, and removes what a killed run has left half-written in it. */
async function prepareFolder(folder: string): Promise<void> {
  await makeFolder(folder);
  // On a disk that has turned read-only it stays.
  await failureOf(cleanTemporary(folder));
}

/** Commands to named, natively and by the program where that does not get along, each timed. */
function openRndc(
  { named }: Options,
  { control }: PodSecrets,
  metrics: Metrics,
  log: Logger,
  clock: Clock,
): NamedRndc {
  const address = { host: named.controlAddress, port: named.controlPort };
  let lost = (): void => undefined;
  const channel = new ControlChannel({
    ...address,
    key: control.key,
    timeoutMs: CONTROL_TIMEOUT_MS,
    now: () => clock.now(),
    random: Math.random,
    onLost: () => lost(),
  });
  const program = rndcProgram({
    ...address,
    run,
    tools: named.tools,
    keyFile: control.path,
    timeoutMs: CONTROL_TIMEOUT_MS,
  });
  const either = withFallback(channel, program, (why) =>
    log.warn({ reason: why.message }, 'the control channel is used by the rndc program'),
  );
  return {
    command: async (text, signal) => {
      const startedAt = clock.monotonic();
      try {
        return await either.command(text, signal);
      } finally {
        metrics.observeControlCommand(
          text.split(' ', 1)[0] ?? '',
          (clock.monotonic() - startedAt) / 1000,
        );
      }
    },
    onLost: (listener) => {
      lost = listener;
    },
    close: () => channel.close(),
  };
}
