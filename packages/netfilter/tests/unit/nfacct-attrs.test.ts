import { expect, it } from 'vitest';

import { COUNTER_COMMAND, decodeCounter, encodeCounter } from '../../src/codec/nfacct-attrs.js';

it("encodes a counter's name in the kernel's form", () => {
  const { type, payload } = encodeCounter(COUNTER_COMMAND.get, 'dropped');
  expect(type).toBe(0x0701);
  // nfgenmsg, then NFACCT_NAME with its length, the name, a NUL byte
  expect(Buffer.from(payload).subarray(8, 16).toString('latin1')).toBe('dropped\0');
});

it("reads a counter's values: 64 bits, in network order", () => {
  const attrs = [
    '0c0002000000000000000102', // packets
    '0c0003000000000100000000', // bytes
  ];
  const payload = Buffer.from(`00000000${attrs.join('')}`, 'hex');
  const message = { type: 0x0700, flags: 0, sequence: 1, portId: 0, payload };
  expect(decodeCounter(message)).toEqual({ packets: 258n, bytes: 4_294_967_296n });
});
