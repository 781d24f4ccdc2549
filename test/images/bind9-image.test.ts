import { expect, test } from 'vitest';
import { baseImages } from '../containers/base-images.ts';
import { productImages } from '../containers/images.ts';
import { useDocker } from '../containers/suite.ts';
import { careful, containerOf } from './container.ts';
import { layersAbove, megabytes } from './size.ts';

const docker = useDocker();
const { bind9: image } = productImages;

test('is as small as docs/images.md says', async () => {
  const above = (await megabytes(docker(), image)) - (await megabytes(docker(), baseImages.debian));
  expect(above).toBeLessThan(70);
  expect(await layersAbove(docker(), image, baseImages.debian)).toBe(1);
});

test('named runs without root, with nothing to write to but its own folders, and turns healthy', async () => {
  const conf =
    'options { directory "/var/lib/bind/agent"; recursion no; pid-file none; session-keyfile none; };';
  const start = `echo '${conf}' > /etc/bind/agent/named.conf && exec /usr/sbin/named -f -L /dev/stderr -c /etc/bind/agent/named.conf`;
  await docker().docker([
    ...['run', '--detach', '--name=named', '--network=none', ...careful],
    ...['--volume=named-config:/etc/bind/agent', '--volume=named-data:/var/lib/bind'],
    ...['--health-interval=1s', '--entrypoint=sh', image, '-c', start],
  ]);
  const named = containerOf(docker(), 'named');
  await named.healthy();
  expect(await named.logs()).toContain('starting BIND 9.18');
  expect(await named.exec('id', '-u')).toBe('101');
  expect(await named.inspect('{{.Config.User}}')).toBe('101:101');
});

test('without a configuration named says so and ends', async () => {
  const ran = await docker().ask(['run', '--rm', ...careful, image]);
  expect(ran).toMatchObject({ ok: false, exitCode: 1 });
  expect(ran.stderr).toContain('/etc/bind/agent/named.conf');
});

test('has what makes a key', async () => {
  const args = ['run', '--rm', '--network=none', '--entrypoint=tsig-keygen', image, 'cluster'];
  expect(await docker().docker(args)).toMatch(/^key "cluster" \{/);
});
