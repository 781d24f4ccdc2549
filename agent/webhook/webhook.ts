import type { Context } from '../context.ts';
import type { InjectSettings } from '../inject/settings.ts';
import { HttpApi } from '../observe/kubernetes/api.ts';
import type { Options } from '../options/options.ts';
import { accessOf } from '../pod/open-cluster.ts';
import { CaBundles } from './ca-bundles.ts';
import { CertificateFiles } from './certificate-files.ts';
import type { Pair } from './certificate-set.ts';
import type { Certificates, Serve } from './certificates.ts';
import { WebhookMetrics } from './metrics.ts';
import { mutate } from './mutate.ts';
import { OwnCertificates } from './own-certificates.ts';
import { serveWebhook, type WebhookServer, type WebhookSources } from './server.ts';
import { StoredSet } from './stored-set.ts';
import { validate } from './validate.ts';

/** Reviews come for a while after the stop: not every node has heard yet that this pod is to get no more. */
const DRAIN_MS = 5000;
/** For those that are being answered. */
const CLOSE_MS = 5000;

/** Answers the API server's reviews until it is stopped. Returns the exit code. */
export async function runWebhook(
  options: Options,
  settings: InjectSettings,
  context: Context,
): Promise<number> {
  const { log, signal, clock, version } = context;
  const state: { server?: WebhookServer } = {};
  const ended = new AbortController();
  const first = Promise.withResolvers<Pair>();
  const certificates = await certificatesOf(options, context, (pair) => {
    first.resolve(pair);
    state.server?.serve(pair);
  });
  const metrics = new WebhookMetrics(version, () => certificates);
  // It ends at our word only; a failure of it that is no ordinary one is the end of all.
  const upkeep = certificates.run(ended.signal);
  const stopped = new Promise<undefined>((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  const pair = await Promise.race([first.promise, upkeep, stopped]);
  if (pair === undefined || signal.aborted) return 0;

  const sources: WebhookSources = {
    judge: { mutate: (review) => mutate(review, settings), validate },
    reviewed: (...review) => metrics.reviewed(...review),
    failed: (webhook, error) => log.error({ err: error, webhook }, 'a review failed'),
    unready: () => reasons(certificates, signal),
    metrics: () => metrics.text(),
  };
  const { port } = options.webhook;
  const { address } = options.http;
  const server = await serveWebhook(sources, { address, port, pair });
  state.server = server;
  // It may have changed while the port was opened.
  if (certificates.serving !== undefined) server.serve(certificates.serving);
  log.info({ address, port, image: settings.image }, 'webhook serves');
  await Promise.race([stopped, upkeep]);
  server.drain();
  await clock.sleep(DRAIN_MS);
  ended.abort();
  await Promise.race([server.close(), clock.sleep(CLOSE_MS)]);
  await upkeep;
  return 0;
}

const reasons = ({ ready, problem }: Certificates, signal: AbortSignal): string[] => [
  ...(signal.aborted ? ['it is about to end'] : []),
  ...(ready ? [] : [problem ?? 'the certificates were not read yet']),
];

async function certificatesOf(
  options: Options,
  context: Context,
  serve: Serve,
): Promise<Certificates> {
  const { clock, random, log, version, host } = context;
  const { certFile, keyFile, name, namespace, hosts, validSeconds } = options.webhook;
  if (certFile !== '') return new CertificateFiles({ certFile, keyFile, clock, log, serve });
  const api = new HttpApi({
    access: await accessOf(options, context),
    ...{ clock, random },
    userAgent: `bind9-agent-webhook/${version}`,
  });
  const { makeCertificate } = await import('./make-certificate.ts');
  return new OwnCertificates({
    stored: new StoredSet({ api, namespace, name, writer: host.uid }),
    bundles: new CaBundles(api, name),
    make: makeCertificate,
    names: [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`, ...hosts],
    validMs: validSeconds * 1000,
    ...{ clock, random, log, serve },
  });
}
