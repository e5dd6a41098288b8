import { isNetlinkError, type NetlinkMessage } from '@nodeagent/netlink-codec';
import { expect, it } from 'vitest';

import {
  decodeLinkAddress,
  decodeLinkIndex,
  encodeAddress,
  encodeNewLink,
  RTM,
} from '../../../src/codec/rtnetlink.js';

const messageOf = (type: number, payload: Uint8Array): NetlinkMessage => ({
  type,
  flags: 0,
  sequence: 1,
  portId: 1,
  payload: Buffer.from(payload),
});

it.each(['10.96.0.1', 'fd00:96::1'])('reads back the address %s that it writes', (ip) => {
  const { type, payload } = encodeAddress(RTM.newAddress, 7, ip);
  expect(decodeLinkAddress(messageOf(type, payload))).toEqual({
    linkIndex: 7,
    ip,
    isLinkLocal: false,
  });
});

it('takes what is about something else for nothing', () => {
  const { payload } = encodeAddress(RTM.newAddress, 7, '10.96.0.1');
  expect(decodeLinkAddress(messageOf(RTM.newLink, payload))).toBeUndefined();
  expect(decodeLinkIndex(messageOf(RTM.newAddress, payload))).toBeUndefined();
  expect(decodeLinkAddress(messageOf(RTM.newAddress, Buffer.alloc(7)))).toBeUndefined();
  expect(decodeLinkIndex(messageOf(RTM.newLink, Buffer.alloc(15)))).toBeUndefined();
});

it('meets spoiled frames with netlink errors, and nothing else', () => {
  let state = 3;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
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
