import { renderRestore } from '@nodeagent/netfilter';
import { describe, expect, it } from 'vitest';

import type { SyncSettings } from '../../../../src/plan/iptables/settings.js';
import { planWholeTables } from '../../../../src/plan/iptables/whole-tables.js';
import { aCluster, aService, aSlice } from '../../../../src/testing/index.js';
import { baseSettings } from '../../../golden/examples.js';

type Objects = Parameters<typeof aCluster>[0];

function rules(settings: Partial<SyncSettings>, objects: Objects = []): string {
  const all = { ...baseSettings, ...settings };
  const { builder } = aCluster(objects, { family: all.family });
  builder.update();
  return [...renderRestore(planWholeTables(builder.view, all))].join('');
}

describe('settings', () => {
  it.each([
    [0x4000, '0x00004000/0x00004000'],
    [1, '0x00000001/0x00000001'],
    [0x8000_0000, '0x80000000/0x80000000'],
  ])('mark %i is written %s', (masqueradeMark, text) => {
    expect(rules({ masqueradeMark })).toContain(`-m mark ! --mark ${text} -j RETURN\n`);
  });

  it('liberal connection tracking keeps packets of no known connection', () => {
    expect(rules({})).toContain('--ctstate INVALID');
    expect(rules({ dropInvalid: false })).not.toContain('--ctstate INVALID');
  });

  it.each([
    ['IPv4', true, '--dst-type LOCAL -j KUBE-NODEPORTS\n', true],
    ['IPv4', false, '--dst-type LOCAL ! -d 127.0.0.0/8 -j KUBE-NODEPORTS\n', false],
    ['IPv6', false, '--dst-type LOCAL ! -d ::1/128 -j KUBE-NODEPORTS\n', false],
  ] as const)('%s with localhost node ports %s', (family, localhostNodePorts, rule, guards) => {
    const text = rules({ family, localhostNodePorts });
    expect(text).toContain(rule);
    expect(text.includes('block incoming localnet connections')).toBe(guards);
  });

  it('rules increase the counters that the kernel has', () => {
    const port = { port: 80, protocol: 'TCP', nodePort: 30_080 };
    const text = rules({ counters: { invalidDropped: true, localhostNodePorts: true } }, [
      aService('a/b', { clusterIP: '10.96.0.1', type: 'NodePort', ports: [port] }),
      aSlice('a/b', [{ name: '', port: 80, protocol: 'TCP' }], ['10.0.0.1']),
    ]);
    expect(text).toContain(
      '--ctstate INVALID -m nfacct --nfacct-name ct_state_invalid_dropped_pkts',
    );
    expect(text).toContain('-d 127.0.0.0/8 --dport 30080 -m nfacct --nfacct-name localhost_nps');
  });
});

describe('endpoints', () => {
  const port = { port: 80, protocol: 'TCP', name: 'p' };

  it.each([
    [3, ['0.3333333333', '0.5000000000']],
    [4, ['0.2500000000', '0.3333333333', '0.5000000000']],
  ])('%i of them have even chances', (count, want) => {
    const ips = Array.from({ length: count }, (_, i) => `10.0.0.${i + 1}`);
    const text = rules({}, [
      aService('a/b', { clusterIP: '10.96.0.1', ports: [port] }),
      aSlice('a/b', [port], ips),
    ]);
    const found = [...text.matchAll(/--probability (\S+)/g)].map(([, chance]) => chance);
    expect(found).toEqual(want);
  });

  it.each([
    ['IPv4', '10.96.0.1', '10.0.0.1'],
    ['IPv6', 'fd00:96::1', 'fd00::1'],
  ] as const)('SCTP in %s', (family, clusterIP, ip) => {
    const sctp = { ...port, protocol: 'SCTP' };
    const text = rules({ family }, [
      aService('a/b', { clusterIP, ports: [sctp] }),
      aSlice('a/b', [sctp], [ip]),
    ]);
    expect(text).toContain(`-m sctp -p sctp -d ${clusterIP} --dport 80 -j KUBE-SVC-`);
    expect(text).toContain('-m sctp -p sctp -j DNAT --to-destination');
  });

  it('one port name may serve TCP and UDP', () => {
    const udp = { ...port, protocol: 'UDP' };
    const text = rules({}, [
      aService('a/b', { clusterIP: '10.96.0.1', ports: [port, udp] }),
      aSlice('a/b', [port, udp], ['10.0.0.1']),
    ]);
    expect(new Set(text.match(/^:KUBE-SVC-\w+/gm)).size).toBe(2);
    expect(text.match(/"a\/b:p cluster IP" -m (tcp|udp)/g)).toHaveLength(4);
  });
});
