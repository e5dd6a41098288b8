import { createDice } from '@nodeagent/testbed/chance';
import { expect, it } from 'vitest';

import { parseProcTable } from '../../src/codec/proc-table.js';

/** Printed by Linux 6.1. */
const TEXT = `\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:0050 rr 
  -> 0A010001:1F90      Masq    5      0          0         
  -> [fd00:0000:0000:0000:0000:0000:0000:0009]:0050      Tunnel  1      2          3         
UDP  0A600002:0035 wrr ops persistent 100 FFFFFF00
TCP  [fd00:0000:0000:0000:0000:0000:0000:0001]:0050 mh persistent 60 00000040
  -> [fd00:0000:0000:0000:0000:0000:0000:0002]:0050      Route   2147483647 0          0         
FWM  00000007 rr 
  -> 0A010009:0000      Local   1      0          0         
SCTP 0A600003:2328 rr 
`;

it('reads destinations by service', () => {
  expect(Object.fromEntries(parseProcTable(TEXT))).toEqual({
    'tcp 10.96.0.1:80': [
      { key: '10.1.0.1:8080', forwarding: 'masquerade', weight: 5 },
      { key: '[fd00::9]:80', forwarding: 'tunnel', weight: 1 },
    ],
    'udp 10.96.0.2:53': [],
    'tcp [fd00::1]:80': [{ key: '[fd00::2]:80', forwarding: 'direct', weight: 2147483647 }],
    'sctp 10.96.0.3:9000': [],
  });
});

it.each([
  ['a method', 'Masq ', 'Telex'],
  ['an address', '0A010001', '0A01'],
  ['an IPv6 address', '0000:0009]', 'zzzz:0009]'],
  ['a weight', '5      0', 'five   0'],
  ['a weight of 400 digits', '5      0', `${'9'.repeat(400)} 0`],
])('skips a service if %s is invalid, and reads the others', (_, from, to) => {
  const outline = parseProcTable(TEXT.replace(from, to));
  expect(outline.has('tcp 10.96.0.1:80')).toBe(false);
  expect(outline.size).toBe(3);
});

it('reads any text as far as it is valid', () => {
  const { below: random } = createDice(1);
  for (let round = 0; round < 5000; round += 1) {
    const bytes = Buffer.from(TEXT, 'latin1');
    for (let n = random(8); n >= 0; n -= 1) bytes[random(bytes.length)] = random(256);
    const cut = bytes.subarray(0, random(bytes.length));
    expect(parseProcTable(cut.toString('latin1')).size).toBeLessThanOrEqual(4);
  }
});
