import { expect, test } from 'vitest';
import type { RRset } from '../../agent/dns/rrset.ts';
import { inBindForm } from '../../agent/observe/bind-form.ts';
import { run } from '../../agent/process.ts';
import { example, name } from '../dns/bind.ts';
import { contentOf, plainZone, record } from './objects.ts';

const tools = { run, tools: '', timeoutMs: 10_000 };

const set = (owner: string, type: string, ...rdata: string[]): RRset => ({
  owner: name(owner, example),
  type,
  ttl: 3600,
  rdata,
});

test('records read off the wire take the form that content has', async () => {
  const ab = 'AB'.repeat(32);
  const { content } = await contentOf(plainZone(), [
    record('DNSRecord', 'a', { name: 'a', type: 'SSHFP', data: [`1 1 ${'cd'.repeat(20)}`] }),
    record('DNSRecord', 'b', {
      name: 'b',
      type: 'TLSA',
      data: [`3 1 1 ${ab}`, `3 1 2 ${ab}${ab}`],
    }),
    record('DNSRecord', 'c', { name: 'c', type: 'TYPE65534', data: [`\\# 64 ${ab}${ab}`] }),
    record('TXTRecord', 'd', { name: 'd', text: ['\\# 1 00'] }),
  ]);
  const offTheWire = [
    set('@', 'NS', 'ns1.example.net.'),
    set('a', 'SSHFP', `\\# 22 0101${'CD'.repeat(20)}`),
    set('b', 'TLSA', `\\# 35 030101${ab}`, `\\# 67 030102${ab}${ab}`),
    set('c', 'TYPE65534', `\\# 64 ${ab}${ab}`),
    set('d', 'TXT', '"\\\\# 1 00"'),
  ];
  expect(await inBindForm(offTheWire, tools)).toEqual(content?.rrsets);
});

test('records that need no other form cost no process', async () => {
  const rrsets = [set('a', 'A', '192.0.2.1')];
  const none = { ...tools, tools: '/nowhere' };
  expect(await inBindForm(rrsets, none)).toBe(rrsets);
});
