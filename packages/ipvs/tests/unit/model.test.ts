import { describe, expect, it } from 'vitest';

import {
  defineDestination,
  defineService,
  type DestinationSpec,
  formatServiceId,
  type ServiceId,
  type ServiceSpec,
} from '../../src/index.js';

const id: ServiceId = { kind: 'address', protocol: 'tcp', address: '10.0.0.1', port: 80 };

describe(defineService, () => {
  it('fills in the same defaults as ipvsadm', () => {
    expect(defineService({ id })).toEqual({
      id,
      scheduler: 'wlc',
      schedulerFlags: [],
      persistence: undefined,
      persistenceEngine: undefined,
      onePacket: false,
    });
  });

  it('spells each address in one way', () => {
    const service = defineService({ id: { ...id, address: 'FD00:0:0:0::01' } });
    expect(formatServiceId(service.id)).toBe('tcp [fd00::1]:80');
  });

  const wrong: readonly (Partial<ServiceSpec> & { why: string })[] = [
    { id: { ...id, port: 65_536 }, why: 'from 0 to 65535' },
    { id: { ...id, port: 0 }, why: 'must not be 0 without persistence' },
    { id: { ...id, address: 'localhost' }, why: 'not an IP address' },
    { id: { ...id, address: 'fe80::1%eth0' }, why: 'not an IP address' },
    { id: { ...id, protocol: 'icmp' as 'tcp' }, why: 'tcp, udp and sctp' },
    { id: { kind: 'mark', family: 'IPv4', mark: 0 }, why: 'from 1 to' },
    { scheduler: 'a-name-that-is-too-long', why: '1 to 15 letters' },
    { scheduler: 'rr\0', why: '1 to 15 letters' },
    { persistenceEngine: '', why: '1 to 15 letters' },
    { persistence: { timeoutSeconds: 0 }, why: 'from 1 to' },
    { persistence: { timeoutSeconds: 2 ** 32 }, why: 'from 1 to' },
    { persistence: { timeoutSeconds: 1, prefixLength: 33 }, why: 'from 1 to 32' },
    { onePacket: true, why: 'for UDP only' },
  ];
  it.each(wrong)('refuses a service: $why', ({ why, ...spec }) => {
    expect(() => defineService({ id, ...spec })).toThrow(
      expect.objectContaining({ code: 'IPVS_INVALID', message: expect.stringContaining(why) }),
    );
  });
});

describe(defineDestination, () => {
  const wrong: readonly (Partial<DestinationSpec> & { why: string })[] = [
    { weight: -1, why: 'from 0 to 2147483647' },
    { weight: 2 ** 31, why: 'from 0 to 2147483647' },
    { weight: 1.5, why: 'whole number' },
    { port: 70_000, why: 'from 0 to 65535' },
    { lowerThreshold: 5, why: 'above the upper' },
    { forwarding: { kind: 'gue' }, why: 'from 1 to 65535' },
    { forwarding: { kind: 'ipip', port: 5 }, why: '0 for ipip' },
    { forwarding: { kind: 'gre', checksum: 'remote' }, why: 'gre does not support it' },
    { forwarding: { kind: 'vxlan' as 'gre' }, why: 'ipip, gue or gre' },
    { address: '10.0.0', why: 'not an IP address' },
  ];
  it.each(wrong)('refuses a destination: $why', ({ why, ...spec }) => {
    expect(() => defineDestination({ address: '10.1.0.1', port: 80, ...spec })).toThrow(
      expect.objectContaining({ code: 'IPVS_INVALID', message: expect.stringContaining(why) }),
    );
  });
});
