import { createHastyClock } from '@nodeagent/base/testing';
import { isNetlinkError, type NetlinkMessage } from '@nodeagent/netlink-codec';
import { HostileSocket } from '@nodeagent/netlink-codec/testing';
import { createDice } from '@nodeagent/testbed/chance';
import { expect, it } from 'vitest';

import {
  decodeLinkAddress,
  decodeLinkIndex,
  encodeAddress,
  encodeNewLink,
  RTM,
} from '../../../src/codec/rtnetlink.js';
import { ProxyError } from '../../../src/model/errors.js';
import { KernelServiceInterface } from '../../../src/run/ipvs/service-interface.js';

const messageOf = (type: number, payload: Uint8Array): NetlinkMessage => ({
  type,
  flags: 0,
  sequence: 1,
  portId: 1,
  payload: Buffer.from(payload),
});

it.each(['10.96.0.1', 'fd00:96::1'])('reads back its own message for the address %s', (ip) => {
  const { type, payload } = encodeAddress(RTM.newAddress, 7, ip);
  expect(decodeLinkAddress(messageOf(type, payload))).toEqual({
    linkIndex: 7,
    ip,
    isLinkLocal: false,
  });
});

it('skips messages about something else', () => {
  const { payload } = encodeAddress(RTM.newAddress, 7, '10.96.0.1');
  expect(decodeLinkAddress(messageOf(RTM.newLink, payload))).toBeUndefined();
  expect(decodeLinkIndex(messageOf(RTM.newAddress, payload))).toBeUndefined();
  expect(decodeLinkAddress(messageOf(RTM.newAddress, Buffer.alloc(7)))).toBeUndefined();
  expect(decodeLinkIndex(messageOf(RTM.newLink, Buffer.alloc(15)))).toBeUndefined();
});

it.each([0, -1])('skips a link of number %d: no address could refer to it', (index) => {
  const payload = Buffer.from(encodeNewLink('kube-ipvs0', 'dummy').payload);
  payload.set(new Uint8Array(Int32Array.of(index).buffer), 4);
  expect(decodeLinkIndex(messageOf(RTM.newLink, payload))).toBeUndefined();
});

it('meets corrupt frames with netlink errors only', () => {
  const { below: random } = createDice(3);
  const frames = [
    encodeAddress(RTM.newAddress, 7, '10.96.0.1'),
    encodeAddress(RTM.newAddress, 7, 'fd00:96::1'),
    encodeNewLink('kube-ipvs0', 'dummy'),
  ].map(({ payload }) => Buffer.from(payload));
  let refused = 0;
  for (let round = 0; round < 10_000; round += 1) {
    const bytes = Buffer.from(frames[round % frames.length]!);
    for (let n = random(4); n >= 0; n -= 1) bytes[random(bytes.length)] = random(256);
    const cut = random(3) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    try {
      decodeLinkAddress(messageOf(RTM.newAddress, cut));
      decodeLinkIndex(messageOf(RTM.newLink, cut));
    } catch (error) {
      refused += 1;
      if (!isNetlinkError(error)) throw error;
    }
  }
  expect(refused).toBeGreaterThan(500);
});

it('finishes every call, whatever the kernel reports about interfaces', async () => {
  const { below: random } = createDice(5);
  const answers = [
    { type: RTM.newLink, payload: encodeNewLink('kube-ipvs0', 'dummy').payload },
    encodeAddress(RTM.newAddress, 0, '10.96.0.1'),
    encodeAddress(RTM.newAddress, 7, 'fd00:96::1'),
  ];
  const link = new KernelServiceInterface({
    name: 'kube-ipvs0',
    open: () => new HostileSocket({ random, answers }),
    clock: createHastyClock(),
  });
  const { signal } = new AbortController();
  const calls: readonly (() => Promise<unknown>)[] = [
    () => link.ensure(signal),
    () => link.list('IPv4', signal),
    () => link.add(['10.96.0.1', 'fd00:96::1'], signal),
    () => link.remove(['10.96.0.1'], signal),
    () => link.destroy(signal),
  ];
  const ends = new Map<string, number>();
  for (let round = 0; round < 4000; round += 1) {
    const end = await calls[round % calls.length]!().then(
      () => 'answered',
      (error: unknown) => {
        if (error instanceof ProxyError) return error.code;
        throw error;
      },
    );
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  expect(ends.get('answered') ?? 0).toBeGreaterThan(100);
  expect(ends.get('PROXY_INTERFACE') ?? 0).toBeGreaterThan(100);
  expect([...ends.keys()]).toHaveLength(2);
});
