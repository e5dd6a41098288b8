import { expect, it } from 'vitest';

import { ipvsSettings } from '../../../../src/plan/ipvs/kernel-settings.js';
import { SET_IDS, setName } from '../../../../src/plan/ipvs/sets.js';

it("gives sets upstream's names", () => {
  expect(setName('clusterIp', 'IPv4')).toBe('KUBE-CLUSTER-IP');
  expect(setName('loadBalancerSourceCidr', 'IPv6')).toBe('KUBE-6-LOAD-BALANCER-SOURCE-CID');
  expect(setName('nodePortLocalSctp', 'IPv6')).toBe('KUBE-6-NODE-PORT-LOCAL-SCTP-HAS');
});

it('names seventeen sets of each family, all within the kernel’s limit', () => {
  for (const family of ['IPv4', 'IPv6'] as const) {
    const names = SET_IDS.map((id) => setName(id, family));
    expect(new Set(names).size).toBe(17);
    for (const name of names) expect(name.length).toBeLessThanOrEqual(31);
    if (family === 'IPv6') for (const name of names) expect(name).toMatch(/^KUBE-6-/);
  }
});

it.each([
  { release: '3.10.0', reuse: undefined },
  { release: '4.1.0', reuse: 0 },
  { release: '5.8.12-generic', reuse: 0 },
  { release: '5.9.0', reuse: undefined },
  { release: '6.1.176', reuse: undefined },
])('reuse of ports on Linux $release', ({ release, reuse }) => {
  const found = ipvsSettings({ release, strictArp: false });
  expect(found.find(({ key }) => key.endsWith('conn_reuse_mode'))?.value).toBe(reuse);
});

it('answers ARP requests for service addresses unless strict', () => {
  const keys = (strictArp: boolean) =>
    ipvsSettings({ release: '6.1.0', strictArp }).filter(({ key }) => key.includes('arp_'));
  expect(keys(false)).toEqual([]);
  expect(keys(true).map(({ value }) => value)).toEqual([1, 2]);
});
