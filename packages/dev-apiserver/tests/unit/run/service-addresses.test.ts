import type { Service } from '@nodeagent/kube-client';
import { beforeEach, describe, expect, it } from 'vitest';

import { formatIp, parseIp, parseIpRange } from '../../../src/plan/ip-range.js';
import { IpAllocator, PortAllocator } from '../../../src/run/allocators.js';
import { ServiceAddresses } from '../../../src/run/service-addresses.js';

type Spec = NonNullable<Service['spec']>;

describe(ServiceAddresses, () => {
  let addresses: ServiceAddresses;
  beforeEach(() => {
    const ranges = ['10.0.0.0/24', 'fd00::/112'].map(parseIpRange);
    addresses = new ServiceAddresses(ranges, { first: 30_000, last: 30_001 });
  });

  it.each<[title: string, spec: Spec, expected: Partial<Spec>]>([
    ['one family', {}, { clusterIPs: ['10.0.0.1'], ipFamilies: ['IPv4'] }],
    [
      'the second family',
      { ipFamilies: ['IPv6'] },
      { clusterIPs: ['fd00::100'], ipFamilyPolicy: 'SingleStack' },
    ],
    [
      'a chosen address decides the family',
      { clusterIP: 'fd00::77' },
      { clusterIPs: ['fd00::77'], ipFamilies: ['IPv6'] },
    ],
    [
      'both',
      { ipFamilyPolicy: 'PreferDualStack' },
      { clusterIPs: ['10.0.0.1', 'fd00::100'], ipFamilies: ['IPv4', 'IPv6'] },
    ],
    ['headless', { clusterIP: 'None' }, { clusterIPs: ['None'], ipFamilies: ['IPv4'] }],
  ])('%s', (_title, spec, expected) => {
    addresses.assign(spec, undefined, 'web');
    expect(spec).toMatchObject(expected);
  });

  it('assigns no address to a Service that names another host, and releases the one it had', () => {
    const old: Spec = { type: 'ClusterIP' };
    addresses.assign(old, undefined, 'web');
    const spec: Spec = { type: 'ExternalName', externalName: 'a.test', clusterIP: '10.0.0.1' };
    addresses.assign(spec, old, 'web');
    expect(spec).toEqual({ type: 'ExternalName', externalName: 'a.test' });
    addresses.release(old, spec);
    const chosen: Spec = { clusterIP: '10.0.0.1' };
    expect(() => addresses.assign(chosen, undefined, 'other')).not.toThrow();
  });

  it('undoes all of it when one part is not available', () => {
    const port = (nodePort: number): NonNullable<Spec['ports']> => [{ port: 80, nodePort }];
    const spec: Spec = { type: 'NodePort', clusterIP: '10.0.0.5', ports: port(40_000) };
    expect(() => addresses.assign(spec, undefined, 'web')).toThrow('not in the valid range');
    const again: Spec = { type: 'NodePort', clusterIP: '10.0.0.5', ports: port(30_000) };
    expect(() => addresses.assign(again, undefined, 'web')).not.toThrow();
  });
});

describe(IpAllocator, () => {
  it('never hands out the network or the broadcast address, and starts over at the end', () => {
    const allocator = new IpAllocator(parseIpRange('10.0.0.0/29'));
    const all = Array.from({ length: 6 }, () => allocator.take());
    expect(all).toEqual([1, 2, 3, 4, 5, 6].map((last) => `10.0.0.${last}`));
    expect(allocator.take()).toBeUndefined();
    allocator.release('10.0.0.3');
    expect(allocator.take()).toBe('10.0.0.3');
  });

  it('distinguishes a used address from one outside', () => {
    const allocator = new IpAllocator(parseIpRange('fd00::/120'));
    expect(['fd00::5', 'fd00:0::5', 'fd01::5', 'x'].map((ip) => allocator.claim(ip))).toEqual([
      'ok',
      'in-use',
      'outside',
      'outside',
    ]);
  });
});

describe(PortAllocator, () => {
  it('starts over at the end, skipping addresses in use', () => {
    const ports = new PortAllocator(1, 3);
    expect([ports.claim(2), ports.claim(2), ports.claim(4)]).toEqual(['ok', 'in-use', 'outside']);
    expect([ports.take(), ports.take(), ports.take()]).toEqual([1, 3, undefined]);
    ports.release(2);
    expect(ports.take()).toBe(2);
  });
});

describe('addresses as numbers', () => {
  it.each([
    '0.0.0.0',
    '255.255.255.255',
    '::',
    '::1',
    'fd00::',
    '1::2:0:0:3',
    '1:2:3:4:5:6:7:8',
    'fe80::1:0:0:1',
  ])('%s is converted there and back', (text) => {
    const family = text.includes(':') ? 'IPv6' : 'IPv4';
    expect(formatIp(parseIp(text) ?? -1n, family)).toBe(text);
  });

  it.each(['256.0.0.1', '1.2.3', '1:2', 'fd00::g', ''])('%j is not a range', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });
});
