import { expect, test } from 'vitest';
import { parseNamedStatus } from '../../agent/plan/named-status.ts';

const bind918 = `version: BIND 9.18.49-1~deb12u3-Debian (Extended Support Version) <id:>
running on vm: Linux x86_64 6.18.44-fc-v669 #1 SMP PREEMPT_DYNAMIC @0
boot time: Sat, 21 Nov 2026 11:34:52 GMT
last configured: Sat, 21 Nov 2026 11:34:54 GMT
configuration file: /etc/bind/named.conf
CPUs found: 2
worker threads: 2
UDP listeners per interface: 2
number of zones: 1002 (0 automatic)
debug level: 0
xfers running: 0
xfers deferred: 0
soa queries in progress: 0
query logging is OFF
recursive clients: 0/900/1000
tcp clients: 0/5000
TCP high-water: 0
server is up and running
`;

const bind920 = `version: BIND 9.20.23-1~deb13u1~bpo12+1-Debian (Stable Release) <id:>
running on vm: Linux x86_64 6.18.44-fc-v509 #1 SMP PREEMPT_DYNAMIC @0
boot time: Sat, 21 Nov 2026 13:36:19 GMT
last configured: Sat, 21 Nov 2026 13:36:19 GMT
configuration file: /etc/bind/named.conf
CPUs found: 2
worker threads: 1
number of zones: 1 (0 automatic)
debug level: 0
xfers running: 3
xfers deferred: 4
xfers first refresh: 0
soa queries in progress: 5
query logging is ON
response logging is OFF
memory profiling is INACTIVE
recursive clients: 0/900/1000
recursive high-water: 0
tcp clients: 1/150
TCP high-water: 2
server is up and running
`;

test('reads what BIND 9.18 prints', () => {
  expect(parseNamedStatus(bind918)).toEqual({
    version: 'BIND 9.18.49-1~deb12u3-Debian (Extended Support Version) <id:>',
    release: '9.18.49',
    runningOn: 'Linux x86_64 6.18.44-fc-v669 #1 SMP PREEMPT_DYNAMIC @0',
    bootTime: '2026-11-21T11:34:52Z',
    lastConfigured: '2026-11-21T11:34:54Z',
    configurationFile: '/etc/bind/named.conf',
    cpus: 2,
    workerThreads: 2,
    zones: 1002,
    automaticZones: 0,
    debugLevel: 0,
    transfersRunning: 0,
    transfersDeferred: 0,
    soaQueries: 0,
    queryLogging: false,
    recursiveClients: { now: 0, soft: 900, limit: 1000 },
    tcpClients: { now: 0, limit: 5000 },
    tcpHighWater: 0,
    running: true,
  });
});

test('reads what BIND 9.20 prints, and lets pass what it does not know', () => {
  expect(parseNamedStatus(bind920)).toMatchObject({
    release: '9.20.23',
    zones: 1,
    transfersRunning: 3,
    transfersDeferred: 4,
    soaQueries: 5,
    queryLogging: true,
    tcpClients: { now: 1, limit: 150 },
    tcpHighWater: 2,
    running: true,
  });
});

test('a named that does not say that it runs is not running', () => {
  const starting = bind918.replace('server is up and running\n', '');
  expect(parseNamedStatus(starting)).toMatchObject({ running: false });
});

test('tells of something that is no status', () => {
  expect(parseNamedStatus('rndc: connect failed')).toEqual({
    path: '',
    problem: 'want the output of rndc status, got "rndc: connect failed"',
  });
});
