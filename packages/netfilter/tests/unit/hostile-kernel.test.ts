import { createHastyClock } from '@nodeagent/base/testing';
import { isNetlinkError } from '@nodeagent/netlink-codec';
import { HostileSocket } from '@nodeagent/netlink-codec/testing';
import { createDice } from '@nodeagent/testbed/chance';
import { expect, it } from 'vitest';

import {
  encodeCreate,
  encodeEntries,
  encodeIpset,
  IPSET_COMMAND,
} from '../../src/codec/ipset-attrs.js';
import { isNetfilterError } from '../../src/index.js';
import { KernelIpset } from '../../src/ipset.js';
import { SETS } from '../contract/ipset-contract.js';

it('finishes every call, whatever the kernel reports about sets', async () => {
  const { below: random } = createDice(8);
  const answers = SETS.flatMap(({ spec, entries }) => [
    encodeCreate(spec),
    encodeEntries(IPSET_COMMAND.add, spec, entries),
    encodeIpset(IPSET_COMMAND.list, { name: spec.name }),
  ]);
  const open = () => new HostileSocket({ random, answers });
  const ipset = new KernelIpset({ open, clock: createHastyClock() });
  const { signal } = new AbortController();
  const { spec, entries } = SETS[2]!;
  const calls: readonly (() => Promise<unknown>)[] = [
    () => ipset.list(undefined, signal),
    () => ipset.list(spec.name, signal),
    () => ipset.ensure([spec], signal),
    () => ipset.add(spec, entries, signal),
    () => ipset.delete(spec, entries, signal),
    () => ipset.replace(spec, entries, signal),
    () => ipset.flush(spec.name, signal),
    () => ipset.destroy([spec.name], signal),
  ];
  const ends = new Map<string, number>();
  for (let round = 0; round < 4000; round += 1) {
    const end = await calls[round % calls.length]!().then(
      () => 'answered',
      (error: unknown) => {
        if (isNetfilterError(error) || isNetlinkError(error)) return error.code;
        throw error;
      },
    );
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  expect(ends.get('answered') ?? 0).toBeGreaterThan(100);
  for (const end of ['NETLINK_LOST', 'NETLINK_MALFORMED', 'NETFILTER_COMMAND_FAILED']) {
    expect(ends.get(end) ?? 0, end).toBeGreaterThan(10);
  }
});
