import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { buildInfo } from '../report/build-info.ts';
import { expiryOf } from './certificate-set.ts';
import type { Certificates } from './certificates.ts';
import type { Outcome } from './review.ts';

export type Asked = 'mutate' | 'validate';

const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5];

/** What the webhook counts and measures, for Prometheus. */
export class WebhookMetrics {
  readonly #registry = new Registry();
  readonly #reviews: Counter<'webhook' | 'outcome'>;
  readonly #seconds: Histogram<'webhook'>;

  constructor(
    version: string,
    certificates: () => Pick<Certificates, 'serving' | 'problem'> | undefined,
  ) {
    const registers = [this.#registry];
    buildInfo(this.#registry, version);
    this.#reviews = new Counter({
      name: 'bind9_agent_webhook_reviews_total',
      help: 'Reviews that the API server asked for, by what came of them.',
      labelNames: ['webhook', 'outcome'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'bind9_agent_webhook_review_duration_seconds',
      help: 'How long a review took, in seconds.',
      labelNames: ['webhook'],
      buckets: SECONDS,
      registers,
    });
    new Gauge({
      name: 'bind9_agent_webhook_certificate_expiry_timestamp_seconds',
      help: 'When the certificate that is served expires, in seconds since 1970.',
      registers,
      collect() {
        const { certificate } = certificates()?.serving ?? {};
        const expiry = certificate === undefined ? undefined : expiryOf(certificate);
        if (expiry !== undefined) this.set(expiry / 1000);
      },
    });
    new Gauge({
      name: 'bind9_agent_webhook_certificate_problem',
      help: 'Whether something is wrong with the certificate or with the webhook configurations, as the log tells: 1, or 0.',
      registers,
      collect() {
        this.set(certificates()?.problem === undefined ? 0 : 1);
      },
    });
  }

  reviewed(webhook: Asked, outcome: Outcome, seconds: number): void {
    this.#reviews.inc({ webhook, outcome });
    this.#seconds.observe({ webhook }, seconds);
  }

  async text(): Promise<{ readonly contentType: string; readonly text: string }> {
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}
