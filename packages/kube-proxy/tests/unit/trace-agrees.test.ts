import { givenSeed } from '@nodeagent/testbed/chance';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { IP_FAMILIES } from '../../src/model/address.js';
import {
  explainPacket,
  type Explanation,
  type TraceOutcome,
} from '../../src/plan/explain/index.js';
import { PACKETS, worlds } from '../traced/worlds.js';

/**
 * The explanation in words and the path through the rules are computed separately: the first from
 * Services and policies, the second by following the packet through the mode's rules. Here they
 * must agree.
 *
 * `NODEAGENT_SEED` (11) picks the worlds, `random` draws a new seed; `NODEAGENT_WORLDS` (200) is
 * the number of worlds for each mode and family. ipvs is left out: its rules cannot be followed
 * without a machine.
 */
const { NODEAGENT_WORLDS: count = '200' } = process.env;
const seed = givenSeed(11);

describe.each(['iptables', 'nftables', 'userspace'] as const)('%s', (mode) => {
  describe.each(IP_FAMILIES)('%s', (family) => {
    const timeout = Math.max(60_000, 300 * Number(count));
    it(
      `the explanation and the rules agree on every packet (NODEAGENT_SEED=${seed})`,
      { timeout },
      () => {
        let packets = 0;
        const property = fc.property(worlds(mode, family), (world) => {
          for (const packet of world.packets) {
            packets += 1;
            const explained = explainPacket(world.input, packet);
            const wrong = contradiction(explained);
            if (wrong === undefined) continue;
            const about = { packet, settings: world.settings, steps: explained.steps, wrong };
            throw new Error(
              JSON.stringify({ ...about, ports: [...world.input.view.ports] }, null, 1),
            );
          }
        });
        fc.assert(property, { seed, numRuns: Number(count) });
        expect(packets).toBeGreaterThanOrEqual(PACKETS * Number(count));
      },
    );
  });
});

/** @returns both answers when they differ */
function contradiction({ outcomes, rules }: Explanation): object | undefined {
  const [said, done] = [summary(outcomes), summary(rules)];
  const same =
    said.size === done.size &&
    [...said].every(([end, share]) => Math.abs(share - (done.get(end) ?? 0)) < 1e-6);
  return same ? undefined : { said: [...said], done: [...done], rules };
}

/** Probability of each outcome. A packet that reaches nobody has no visible sender. */
function summary(outcomes: readonly TraceOutcome[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { verdict, to, masqueraded, probability } of outcomes) {
    const end = verdict === 'accepted' ? `${to}${masqueraded ? ', sees the node' : ''}` : verdict;
    found.set(end, (found.get(end) ?? 0) + probability);
  }
  return found;
}
