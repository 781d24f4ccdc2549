import { publishFirstStanzas, withdrawImported } from '../apply/first-stanzas.ts';
import type { PassOutcome } from '../pass/pass.ts';
import { failureOf } from '../problem.ts';
import type { AgentParts } from './parts.ts';

/** Lets named start: on what lies on the disk, on what the first pass prepares, or after a while on nothing. */
export class FirstStart {
  readonly #parts: AgentParts;
  readonly #prepared: () => Promise<void>;
  #notYet: string | undefined = 'what named should serve is not known yet';

  /** @param prepared tells that the stanzas for named's first start lie where it will find them */
  constructor(parts: AgentParts, prepared: () => Promise<void>) {
    this.#parts = parts;
    this.#prepared = prepared;
  }

  /** Why named may not be started yet; undefined: it may. */
  get notYet(): string | undefined {
    return this.#notYet;
  }

  /** named was started once, and has its own store of zones. */
  hasDatabase(): Promise<boolean> {
    return this.#parts.configuration.wasStarted();
  }

  /**
   * What lies on disk and was served before is served at once, before anything is known of the cluster. Returns whether a
   * configuration was published.
   *
   * @param meet asks named, where it may be there
   */
  async fromDisk(meet?: () => Promise<void>): Promise<boolean> {
    const { configuration, log } = this.#parts;
    await configuration.load();
    if (!(await this.hasDatabase())) return false;
    // Beside a named that runs already nothing needs to be written anew.
    await meet?.();
    const left = await failureOf(withdrawImported(configuration.newZones));
    if (left !== undefined) log.warn({ err: left }, 'the stanzas of the first start stay');
    const outcome = await configuration.publishRemembered();
    this.#notYet = outcome.kind === 'refused' ? outcome.why : undefined;
    return outcome.kind === 'published';
  }

  /** With nothing on disk and no view of the cluster, named is let start empty after a while; the pod stays unready. */
  async afterDeadline(signal: AbortSignal): Promise<void> {
    const { clock, configuration, log, options } = this.#parts;
    await clock.sleep(options.start.deadlineSeconds * 1000, signal);
    if (signal.aborted || this.#notYet === undefined) return;
    const outcome = await configuration.publishRemembered();
    if (outcome.kind === 'refused') {
      this.#notYet = outcome.why;
      return;
    }
    log.warn({}, 'named may start with nothing to serve: the resources could not be read in time');
    this.#notYet = undefined;
  }

  async onPass({ config, firstStanzas }: PassOutcome): Promise<void> {
    if (config.kind === 'refused') {
      if (this.#notYet !== undefined) this.#notYet = config.why;
      return;
    }
    const { newZones } = this.#parts.configuration;
    if (firstStanzas !== undefined) {
      await publishFirstStanzas(newZones, firstStanzas);
      // named makes its database before it reads the stanzas.
      if (await this.hasDatabase()) await withdrawImported(newZones);
      else await this.#prepared();
    }
    this.#notYet = undefined;
  }
}
