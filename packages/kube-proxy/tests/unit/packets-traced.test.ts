import { describe, expect, it } from 'vitest';

import { parseProxyConfig } from '../../src/index.js';
import { buildView, explainPacket } from '../../src/plan/explain/index.js';
import { wantedOf, WORLDS } from '../packets/cases.js';
import { FAMILIES, NODE, NODE_POD_CIDRS, nodeAddresses, ZONE } from '../packets/hosts.js';
import { configOf, WorldObjects } from '../packets/objects.js';
import { packetOf, wrongWithTrace } from '../packets/trace.js';

const MODES = ['iptables', 'nftables', 'userspace'] as const;

/**
 * Sends no packet: the outcome promised by the Services and that of the rules must be the one of
 * real packets.
 */
describe.each(MODES)('%s', (mode) => {
  describe.each(WORLDS)('$name', (world) => {
    const objects = new WorldObjects(world.services);
    describe.each(FAMILIES)('%s', (family) => {
      const { config } = parseProxyConfig(configOf(mode, world.settings), 'test');
      const services = objects.all.filter((one) => !('addressType' in one));
      const slices = objects.all.filter((one) => 'addressType' in one);
      const view = buildView({ services, slices }, family, { nodeName: NODE, zone: ZONE });
      const addresses = nodeAddresses(family);
      const node = { name: NODE, zone: ZONE, addresses, podCidrs: NODE_POD_CIDRS };

      it.each(world.cases)('$name', (one) => {
        const input = { config, view, family, node };
        const { outcomes, rules } = explainPacket(input, packetOf(one, objects, family));
        const want = wantedOf(one, mode, family);
        expect(wrongWithTrace(one, want, { outcomes, family })).toBeUndefined();
        expect(wrongWithTrace(one, want, { outcomes: rules, family })).toBeUndefined();
      });
    });
  });
});
