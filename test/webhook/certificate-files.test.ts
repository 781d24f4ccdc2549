import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import { CertificateFiles } from '../../agent/webhook/certificate-files.ts';
import { makeCertificate } from '../../agent/webhook/make-certificate.ts';
import { until, untilEqual } from '../rig/until.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'webhook-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const issue = () =>
  makeCertificate({ names: ['x.y.svc'], from: Date.now(), until: Date.now() + 600_000 });

test('what changes in the files is served; what does not fit together is not', async () => {
  const [certFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
  const [one, two] = [await issue(), await issue()];
  const served: string[] = [];
  const warned: unknown[] = [];
  const ending = new AbortController();
  const files = new CertificateFiles({
    ...{ certFile, keyFile },
    clock: systemClock,
    log: { info: () => undefined, warn: (fields: object) => warned.push(fields) },
    serve: ({ certificate }) => served.push(certificate),
    lookMs: 10,
  });
  const running = files.run(ending.signal);
  await until(() => files.problem?.startsWith(`cannot read ${certFile}: it is not there`));
  expect(files.ready).toBe(false);
  writeFileSync(certFile, one.certificate);
  writeFileSync(keyFile, one.key);
  await untilEqual(() => served, [one.certificate]);
  writeFileSync(certFile, two.certificate);
  const wrong = `want the certificate in ${certFile} to be one for the key in ${keyFile}`;
  await untilEqual(() => files.problem, wrong);
  expect(files.serving?.certificate).toBe(one.certificate);
  writeFileSync(keyFile, two.key);
  await untilEqual(() => served, [one.certificate, two.certificate]);
  await until(() => files.problem === undefined);
  rmSync(keyFile);
  await until(() => files.problem !== undefined);
  expect(files.ready).toBe(true);
  expect(warned).toContainEqual({ reason: wrong });
  ending.abort();
  await running;
});
