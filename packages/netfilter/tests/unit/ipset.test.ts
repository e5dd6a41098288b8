import { isNetlinkError } from '@nodeagent/netlink-codec';
import { createDice } from '@nodeagent/testbed/chance';
import { expect, it } from 'vitest';

import {
  decodeEntry,
  decodeIpset,
  decodeSpec,
  encodeEntries,
} from '../../src/codec/ipset-attrs.js';
import { isNetfilterError } from '../../src/index.js';
import { ipsetEntryText, renderIpsetRestore } from '../../src/ipset.js';
import { SETS } from '../contract/ipset-contract.js';

it('renders sets for ipset restore', () => {
  const [, , ports] = SETS;
  expect(renderIpsetRestore([ports!])).toBe(`\
create TEST-IP-PORT hash:ip,port family inet hashsize 1024 maxelem 3
add TEST-IP-PORT 10.0.0.1,tcp:80
add TEST-IP-PORT 10.0.0.1,udp:80
add TEST-IP-PORT 10.0.0.1,sctp:65535
`);
  expect(renderIpsetRestore(SETS)).toContain('create TEST-PORT bitmap:port range 0-65535\n');
});

const messageOf = (payload: Uint8Array) => ({
  type: 0,
  flags: 0,
  sequence: 0,
  portId: 0,
  payload: Buffer.from(payload),
});

it.each(SETS)('reads back the entries of $spec.name', ({ spec, entries }) => {
  const { entries: read } = decodeIpset(messageOf(encodeEntries(9, spec, entries).payload));
  expect(read?.map(decodeEntry)).toEqual(entries.map(ipsetEntryText));
});

it('meets corrupt frames with its own errors only', () => {
  const { below: random } = createDice(7);
  const frames = SETS.map(({ spec, entries }) =>
    Buffer.from(encodeEntries(9, spec, entries).payload),
  );
  let refused = 0;
  for (let round = 0; round < 10_000; round += 1) {
    const bytes = Buffer.from(frames[round % frames.length]!);
    for (let n = random(4); n >= 0; n -= 1) bytes[random(bytes.length)] = random(256);
    const cut = random(3) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
    try {
      const attrs = decodeIpset(messageOf(cut));
      decodeSpec(attrs);
      for (const entry of attrs.entries ?? []) decodeEntry(entry);
    } catch (error) {
      refused += 1;
      if (!isNetlinkError(error) && !isNetfilterError(error, 'NETFILTER_PARSE')) throw error;
    }
  }
  expect(refused).toBeGreaterThan(500);
});
