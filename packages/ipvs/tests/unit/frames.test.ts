import { decodeGeneric, isNetlinkError, NetlinkError } from '@nodeagent/netlink-codec';
import { createDice } from '@nodeagent/testbed/chance';
import { describe, expect, it } from 'vitest';

import { COMMAND_ATTRS } from '../../src/codec/attrs.js';
import { daemonAttrs, decodeDaemon } from '../../src/codec/daemon-attrs.js';
import { decodeDestination } from '../../src/codec/destination-attrs.js';
import { ipvsError } from '../../src/codec/refusals.js';
import { encodeCommand } from '../../src/codec/requests.js';
import { decodeService } from '../../src/codec/service-attrs.js';
import { defineDestination, defineService, isIpvsError, type Operation } from '../../src/index.js';
import { messagesOf } from './messages-of.js';

const v4 = { kind: 'address', protocol: 'tcp', address: '10.96.0.1', port: 80 } as const;
const v6 = { ...v4, address: 'fd00::1' } as const;
const operations: readonly Operation[] = [
  {
    kind: 'add-service',
    service: defineService({
      id: v4,
      scheduler: 'mh',
      schedulerFlags: [1, 3],
      persistence: { timeoutSeconds: 10_800, prefixLength: 20 },
      persistenceEngine: 'sip',
    }),
  },
  {
    kind: 'update-service',
    service: defineService({ id: v6, persistence: { timeoutSeconds: 1, prefixLength: 64 } }),
  },
  {
    kind: 'add-service',
    service: defineService({ id: { kind: 'mark', family: 'IPv6', mark: 0xffff_ffff } }),
  },
  {
    kind: 'add-destination',
    id: v4,
    destination: defineDestination({
      address: 'fd00::9',
      port: 8080,
      weight: 7,
      upperThreshold: 9,
      lowerThreshold: 3,
      forwarding: { kind: 'gue', port: 6080, checksum: 'remote' },
    }),
  },
  {
    kind: 'update-destination',
    id: v6,
    destination: defineDestination({ address: 'fd00::9', port: 1, forwarding: 'bypass' }),
  },
];
const daemon = {
  role: 'primary',
  interface: 'eth0',
  syncId: 9,
  maxLength: 1400,
  group: 'ff05::81',
  port: 8849,
  ttl: 3,
} as const;
const frames = [
  ...messagesOf(30, operations),
  encodeCommand(30, 9, { daemon: daemonAttrs(daemon) }),
  encodeCommand(30, 13, { tcpTimeout: 1, tcpFinTimeout: 2, udpTimeout: 3 }),
].map(({ payload }) => Buffer.from(payload));

function decode(payload: Buffer) {
  const message = { type: 30, flags: 0, sequence: 1, portId: 1, payload };
  const { service, destination, daemon: sync } = decodeGeneric(COMMAND_ATTRS, message).values;
  return {
    service: service?.scheduler === undefined ? undefined : decodeService(service),
    destination: destination && decodeDestination(destination, 'IPv4'),
    daemon: sync && decodeDaemon(sync),
  };
}

it.each(operations.map((operation, i) => ({ operation, i })))(
  'reads back its own message: $operation.kind $i',
  ({ operation, i }) => {
    const { service, destination } = decode(frames[i]!);
    if ('service' in operation) expect(service).toMatchObject(operation.service);
    if ('destination' in operation) expect(destination).toMatchObject(operation.destination);
  },
);

it('reads back a synchronisation daemon', () => {
  expect(decode(frames.at(-2)!).daemon).toEqual(daemon);
});

function spoiled(frame: Buffer, random: (below: number) => number): Buffer {
  const bytes = Buffer.from(frame);
  for (let n = random(4); n >= 0; n -= 1) bytes[random(bytes.length)] = random(256);
  if (random(3) === 0) return bytes.subarray(0, random(bytes.length));
  return random(4) === 0 ? Buffer.concat([bytes, bytes.subarray(random(bytes.length))]) : bytes;
}

it('meets corrupt frames with its own errors only', () => {
  const { below: random } = createDice(20_261);
  let refused = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const frame = frames[round % frames.length];
    try {
      decode(spoiled(frame!, random));
    } catch (error) {
      refused += 1;
      if (!isNetlinkError(error) && !isIpvsError(error, 'IPVS_PROTOCOL')) throw error;
    }
  }
  expect(refused).toBeGreaterThan(1000);
});

describe(ipvsError, () => {
  const refusal = (errno: number) => new NetlinkError('NETLINK_REFUSED', 'E', { errno });
  it.each([
    { asked: 'add-service', errno: 17, code: 'IPVS_SERVICE_EXISTS' },
    { asked: 'add-service', errno: 2, code: 'IPVS_SCHEDULER_UNKNOWN' },
    { asked: 'add-service', errno: 1, code: 'IPVS_PERMISSION' },
    { asked: 'add-service', errno: 22, code: 'IPVS_INVALID' },
    { asked: 'add-service', errno: 97, code: 'IPVS_FAMILY' },
    { asked: 'add-service', errno: 12, code: 'IPVS_NO_MEMORY' },
    { asked: 'add-service', errno: 99, code: 'IPVS_SYSTEM' },
    { asked: 'update-service', errno: 3, code: 'IPVS_SERVICE_MISSING' },
    { asked: 'add-destination', errno: 3, code: 'IPVS_SERVICE_MISSING' },
    { asked: 'add-destination', errno: 17, code: 'IPVS_DESTINATION_EXISTS' },
    { asked: 'add-destination', errno: 34, code: 'IPVS_INVALID' },
    { asked: 'delete-destination', errno: 2, code: 'IPVS_DESTINATION_MISSING' },
    { asked: 'daemon', errno: 17, code: 'IPVS_DAEMON_RUNNING' },
    { asked: 'daemon', errno: 3, code: 'IPVS_DAEMON_STOPPED' },
    { asked: 'daemon', errno: 19, code: 'IPVS_INTERFACE_MISSING' },
  ] as const)('$asked refused with $errno becomes $code', ({ asked, errno, code }) => {
    expect(ipvsError('x', asked, refusal(errno))).toMatchObject({ code, errno });
  });

  it.each([
    ['NETLINK_NO_FAMILY', 'IPVS_UNAVAILABLE'],
    ['NETLINK_TIMEOUT', 'IPVS_REPLIES_LOST'],
    ['NETLINK_LOST', 'IPVS_REPLIES_LOST'],
    ['NETLINK_MALFORMED', 'IPVS_PROTOCOL'],
    ['NETLINK_CLOSED', 'IPVS_CLOSED'],
  ] as const)('%s becomes %s', (from, code) => {
    expect(ipvsError('x', 'read', new NetlinkError(from, 'why'))).toMatchObject({ code });
  });

  it('passes other errors on', () => {
    const reason = new Error('aborted');
    expect(ipvsError('x', 'read', reason)).toBe(reason);
    const missing = new NetlinkError('NETLINK_ADDON_MISSING', 'no add-on');
    expect(ipvsError('x', 'read', missing)).toBe(missing); // loading ip_vs would not help
  });
});
