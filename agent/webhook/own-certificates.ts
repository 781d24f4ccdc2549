import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { Pauses } from '../observe/kubernetes/pauses.ts';
import { failureOf, TransientError } from '../problem.ts';
import { type CaBundles, whyNotAsked } from './ca-bundles.ts';
import {
  BEFORE_MS,
  type CertificateSet,
  type Issued,
  type Pair,
  type Step,
  stepOf,
  unexpired,
  type Wanted,
} from './certificate-set.ts';
import type { Certificates, Serve } from './certificates.ts';
import type { Stored, StoredSet } from './stored-set.ts';

export interface OwnCertificatesOptions {
  readonly stored: Pick<StoredSet, 'read' | 'write'>;
  readonly bundles: Pick<CaBundles, 'read' | 'write'>;
  readonly make: (wanted: Wanted) => Promise<Issued>;
  /** What the certificate is for. */
  readonly names: readonly string[];
  readonly validMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly serve: Serve;
}

const LOOK_MS = 30_000;
const FIRST_PAUSE_MS = 500;
const TRIES = 5;

/** Certificates that the replicas make themselves and share in a Secret, whoever comes first. */
export class OwnCertificates implements Certificates {
  readonly #options: OwnCertificatesOptions;
  readonly #lookMs: number;
  #set: CertificateSet | undefined;
  /** Since when the configurations have been seen to hold this bundle, by the monotonic clock. */
  #trusted: { readonly bundle: string; readonly since: number } | undefined;
  #ready = false;
  #notAsked: string | undefined;
  #problem: string | undefined = 'the certificates were not read yet';

  constructor(options: OwnCertificatesOptions) {
    this.#options = options;
    this.#lookMs = Math.min(LOOK_MS, options.validMs / 60);
  }

  get serving(): Pair | undefined {
    return this.#set?.serving;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const pauses = new Pauses({
      ...{ clock, random },
      firstPauseMs: Math.min(FIRST_PAUSE_MS, this.#lookMs),
      longestPauseMs: this.#lookMs,
    });
    while (!signal.aborted) {
      const failure = await failureOf(this.#look());
      if (signal.aborted) return;
      this.#tell(failure?.message ?? this.#notAsked);
      if (failure === undefined) pauses.succeeded();
      // Without the API server nobody asks for a review; but probes do, and they need some certificate.
      else if (this.#set === undefined) this.#take(await this.#made());
      // Replicas do not look in step.
      const pause = this.#lookMs * (0.5 + random() / 2);
      await clock.sleep(failure === undefined ? pause : pauses.afterFailure(), signal);
    }
  }

  async #look(): Promise<void> {
    const { clock, random } = this.#options;
    for (let tries = 1; !(await this.#lookOnce()); tries++) {
      if (tries === TRIES) throw new TransientError('others write the certificates all the time');
      await clock.sleep(random() * FIRST_PAUSE_MS);
    }
  }

  /** False: another replica has written at the same time. */
  async #lookOnce(): Promise<boolean> {
    const { stored, bundles, clock } = this.#options;
    // In this order: what is written into them is then never older than what another has written.
    const configurations = await bundles.read();
    this.#notAsked = whyNotAsked(configurations);
    const set = await this.#settled(await stored.read());
    if (set === undefined) return false;
    this.#take(set);
    const bundle = set.bundle.join('');
    if (!(await bundles.write(configurations, bundle))) return false;
    if (this.#trusted?.bundle !== bundle) this.#trusted = { bundle, since: clock.monotonic() };
    this.#ready = true;
    return true;
  }

  /** The set as all replicas have it, after one step. */
  async #settled(stored: Stored): Promise<CertificateSet | undefined> {
    const { names, clock, log } = this.#options;
    const isTrusted = this.#isTrusted(stored.set);
    const step = stepOf(stored.set, { names, now: clock.now(), isTrusted });
    if (step.kind === 'none') return step.set;
    const set = await this.#after(step, stored);
    if (!(await this.#options.stored.write(set, stored))) return undefined;
    log.info({ authorities: set.bundle.length, step: step.kind }, 'certificates');
    return set;
  }

  async #after(step: Exclude<Step, { kind: 'none' }>, { set }: Stored): Promise<CertificateSet> {
    switch (step.kind) {
      case 'make': {
        // Where the Secret was lost or spoilt, what is served here is still good, and trusted.
        const { names, clock } = this.#options;
        const own = stepOf(this.#set, { names, now: clock.now(), isTrusted: false });
        const fresh =
          own.kind === 'make' ? await this.#made() : (this.#set ?? (await this.#made()));
        return { ...fresh, bundle: this.#known(fresh.bundle, set?.bundle) };
      }
      case 'stage': {
        const { bundle, serving } = await this.#made();
        return { ...step.set, bundle: this.#known(bundle, step.set.bundle), next: serving };
      }
      case 'replace':
        return step.set;
    }
  }

  #known(own: readonly string[], others: readonly string[] = []): readonly string[] {
    return unexpired([...new Set([...own, ...others])], this.#options.clock.now());
  }

  /** API servers hear of a configuration within a moment; they get twice the time after which every replica has looked. */
  #isTrusted(set: CertificateSet | undefined): boolean {
    const { clock } = this.#options;
    return (
      this.#trusted !== undefined &&
      this.#trusted.bundle === set?.bundle.join('') &&
      clock.monotonic() - this.#trusted.since >= 2 * this.#lookMs
    );
  }

  async #made(): Promise<CertificateSet> {
    const { make, names, validMs, clock } = this.#options;
    const now = clock.now();
    const term = { from: now - BEFORE_MS, until: now + validMs };
    const { authority, certificate, key } = await make({ names, ...term });
    return { bundle: [authority], serving: { certificate, key } };
  }

  #take(set: CertificateSet): void {
    const before = this.#set?.serving.certificate;
    this.#set = set;
    if (set.serving.certificate !== before) this.#options.serve(set.serving);
  }

  #tell(problem: string | undefined): void {
    if (problem !== undefined && problem !== this.#problem)
      this.#options.log.warn(
        { reason: problem },
        'something is wrong with the certificates or with the webhook configurations',
      );
    this.#problem = problem;
  }
}
