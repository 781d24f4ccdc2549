import type { ContentLoader } from '../apply/content-loader.ts';
import { ZoneApplier } from '../apply/zone-applier.ts';
import type { ZoneCommander } from '../apply/zone-commands.ts';
import type { ZoneFiles } from '../apply/zone-files.ts';
import type { DomainName } from '../dns/name.ts';
import { Compiler } from '../observe/compiler.ts';
import type { Prover } from '../observe/prover.ts';
import { Agreements } from '../pass/agreements.ts';
import { Passes } from '../pass/pass.ts';
import { Writers } from '../pass/writers.ts';
import { Planner } from '../plan/planner.ts';
import type { LocalCopies } from './local-copies.ts';
import type { AgentParts } from './parts.ts';
import type { RunningNamed } from './running-named.ts';
import { zoneSettings } from './settings.ts';

export interface PassesDeps {
  readonly parts: AgentParts;
  readonly copies: LocalCopies;
  readonly named: RunningNamed;
  readonly prover: Prover;
  readonly command: ZoneCommander;
  readonly files: ZoneFiles;
  readonly loader: ContentLoader;
  /** Why named has not loaded a zone since then, if its log says so. */
  readonly loadProblem: (zone: DomainName, since: number) => string | undefined;
  readonly wake: () => void;
  /** Make another pass in so many milliseconds. */
  readonly again: (ms: number) => void;
}

/** The passes of a pod, on its doors. */
export function composePasses(deps: PassesDeps): Passes {
  const { parts, copies, named, prover, command, files, loader, loadProblem, wake, again } = deps;
  const { options, clock, wire, ledger, log, cluster, given } = parts;
  const serialHere = (zone: DomainName) => wire.serialHere(zone);
  const reconfig = () => named.reconfig();
  const peers = {
    self: options.pod.name,
    cluster,
    log,
    again,
    serialHere,
    soaAt: wire.soaAt.bind(wire),
    transferFrom: wire.transferFrom.bind(wire),
  };
  return new Passes({
    planner: new Planner(),
    settings: zoneSettings(options, given),
    limits: options.guard,
    agreements: new Agreements({
      ...peers,
      clock,
      styledByDate: options.serial.style === 'date',
    }),
    writers: new Writers({
      ...peers,
      fileOf: (zone) => files.pathOf(zone),
    }),
    compiler: new Compiler(parts.compile, wake, (error) =>
      log.warn({ err: error }, 'zone text could not be checked'),
    ),
    prover,
    outdated: () => copies.outdated,
    ledger,
    loader,
    applier: new ZoneApplier({
      command,
      reconfig,
      replaceStanzas: (stanzas, added) => named.replaceStanzas(stanzas, added),
      refresh: (zones) =>
        named.refreshSoon(
          zones.map((each) => ({ ...each, serial: copies.copyOf(each.zone)?.serial })),
        ),
      ledger,
      files,
      loader,
      clock,
      log,
      loadProblem,
      onForeign: (zone) => named.noteForeign(zone),
    }),
    configure: (config) => parts.configuration.publish(config, ledger.entries()),
    reconfig,
    clock,
    log,
    again,
  });
}
