import { MemoryLogger } from '@nodeagent/base/testing';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { expect } from 'vitest';

import { cleanupEverything } from '../../src/index.js';
import { startChildProxy } from '../packets/child.js';
import { packetSuite } from '../packets/suite.js';

packetSuite({
  mode: 'nftables',
  start: async ({ node }, objects, config) => {
    const proxy = startChildProxy(node, objects, config);
    return {
      remove: async () => {
        const printed = await proxy.stop();
        expect(await node.run(['nft', 'list', 'tables']), printed).toContain('kube-proxy');
        const commands = createSpawnRunner({ prefix: node.enter });
        const log = new MemoryLogger();
        await cleanupEverything({ commands, log }, new AbortController().signal);
        expect(await node.run(['nft', 'list', 'tables'])).not.toContain('kube-proxy');
      },
    };
  },
});
