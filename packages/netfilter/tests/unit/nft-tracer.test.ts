import { describe, expect, it } from 'vitest';

import {
  nftContentsOf,
  type NftHook,
  type NftOperation,
  type NftStep,
  traceNftOutcomes,
} from '../../src/nftables.js';
import type { Packet } from '../../src/testing/index.js';

const host = { addresses: ['192.0.2.1'] };
const toItself: Packet = {
  from: 'host',
  protocol: 'tcp',
  source: '192.0.2.1',
  destination: '192.0.2.1',
  destinationPort: 80,
};

function trace(packet: Packet, ...rules: readonly [hook: NftHook, ...steps: NftStep[]][]) {
  const operations = rules.flatMap(([base, ...steps], i): NftOperation[] => {
    const name = `chain-${i}`;
    return [
      { op: 'add-chain', chain: { name, base } },
      { op: 'add-rule', chain: name, rule: { steps } },
    ];
  });
  const [first, ...others] = traceNftOutcomes(nftContentsOf(operations), packet, host);
  expect(others).toEqual([]);
  return first;
}

/** Matches the kernel's behaviour in `tests/integration/nft-hooks.test.ts`. */
describe('a packet that the host sends to itself', () => {
  it('passes postrouting, so it may be masqueraded', () => {
    const found = trace(toItself, [
      { type: 'nat', hook: 'postrouting', priority: 100 },
      { kind: 'masquerade' },
    ]);
    expect(found).toMatchObject({ verdict: 'accepted', masqueraded: true });
  });

  it('passes the filters of prerouting', () => {
    const found = trace(toItself, [
      { type: 'filter', hook: 'prerouting', priority: -110 },
      { kind: 'drop' },
    ]);
    expect(found?.verdict).toBe('dropped');
  });

  it('keeps its destination: nat does not see it again when it arrives', () => {
    const found = trace(toItself, [
      { type: 'nat', hook: 'prerouting', priority: -100 },
      { kind: 'dnat', address: '192.0.2.9', port: 8080 },
    ]);
    expect(found?.to).toBe('192.0.2.1:80');
  });
});

it('a packet that arrives for the host itself skips postrouting', () => {
  const found = trace({ ...toItself, from: 'network', source: '198.51.100.1' }, [
    { type: 'nat', hook: 'postrouting', priority: 100 },
    { kind: 'masquerade' },
  ]);
  expect(found).toMatchObject({ verdict: 'accepted', masqueraded: false });
});
