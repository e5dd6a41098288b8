import assert from 'node:assert/strict';

import { isNetlinkError, type NetlinkMessage } from '@nodeagent/netlink-codec';
import { checkReader, mutatedBytes } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import {
  decodeLinkAddress,
  decodeLinkIndex,
  encodeAddress,
  RTM,
} from '../../src/codec/rtnetlink.js';

const messageOf = (type: number, payload: Uint8Array): NetlinkMessage => ({
  type,
  flags: 0,
  sequence: 1,
  portId: 1,
  payload: Buffer.from(payload),
});

/** Link 7, `kube-ipvs0`, as Linux answers RTM_GETLINK. */
const LINK = Buffer.from(
  '00000100070000008210000000000000' + '0f0003006b7562652d697076733000' + '00',
  'hex',
);

/** 127.0.0.1/8 of `lo`, as Linux answers RTM_GETADDR: with a label, flags and cache information. */
const LO_ADDRESS = Buffer.from(
  '02088000' +
    '01000000' +
    '080001007f000001' +
    '080002007f000001' +
    '070003006c6f0000' +
    '0800080080000000' +
    '14000600ffffffffffffffff0100000001000000',
  'hex',
);

describe('Links and addresses from the kernel', () => {
  test('every address is written as it was read, skipped, or refused with a NetlinkError', () =>
    checkReader({
      name: 'decodeLinkAddress',
      inputs: mutatedBytes([
        encodeAddress(RTM.newAddress, 7, '10.96.0.1').payload,
        encodeAddress(RTM.newAddress, 7, 'fd00:96::1').payload,
        LO_ADDRESS,
      ]),
      read: (payload) => {
        const found = decodeLinkAddress(messageOf(RTM.newAddress, payload));
        if (found === undefined) return;
        const { linkIndex, ip } = found;
        const again = encodeAddress(RTM.newAddress, linkIndex, ip).payload;
        const { linkIndex: sameIndex, ip: sameIp } =
          decodeLinkAddress(messageOf(RTM.newAddress, again)) ?? {};
        assert.deepEqual([sameIndex, sameIp], [linkIndex, ip]);
      },
      refuses: isNetlinkError,
      share: 2000,
    }));

  test('every link has a number that addresses can refer to, or is skipped', () =>
    checkReader({
      name: 'decodeLinkIndex',
      inputs: mutatedBytes([LINK]),
      read: (payload) => {
        const linkIndex = decodeLinkIndex(messageOf(RTM.newLink, payload));
        if (linkIndex === undefined) return;
        assert.ok(linkIndex > 0);
        const message = encodeAddress(RTM.newAddress, linkIndex, '10.96.0.1');
        assert.equal(
          decodeLinkAddress(messageOf(message.type, message.payload))?.linkIndex,
          linkIndex,
        );
      },
      share: 1000,
    }));
});
