import { MemoryLogger } from '@nodeagent/base/testing';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { expect } from 'vitest';

import { cleanupEverything } from '../../src/index.js';
import { WORLDS } from '../packets/cases.js';
import { packetSuite } from '../packets/suite.js';
import { startProxy } from './running-proxy.js';

/**
 * Without netlink: the same rules through the nft program. The first world has nearly every kind of
 * rule.
 */
packetSuite({
  mode: 'nftables',
  worlds: WORLDS.slice(0, 1),
  start: async ({ node }, objects, config) => {
    const proxy = startProxy(node, objects, config);
    return {
      remove: async () => {
        await proxy.stop();
        const served = proxy.log.lines.filter(
          ({ message }) => message === 'address family is served',
        );
        expect(served.map(({ fields }) => fields['nftables'])).toEqual(['nft', 'nft']);
        const commands = createSpawnRunner({ prefix: node.enter });
        const log = new MemoryLogger();
        await cleanupEverything({ commands, log }, new AbortController().signal);
        expect(await node.run(['nft', 'list', 'tables'])).not.toContain('kube-proxy');
      },
    };
  },
});
