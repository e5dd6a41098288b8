import { MemoryLogger } from '@nodeagent/base/testing';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { expect } from 'vitest';

import { cleanupEverything } from '../../src/index.js';
import { startChildProxy } from '../packets/child.js';
import { packetSuite } from '../packets/suite.js';

packetSuite({
  mode: 'userspace',
  start: async ({ node }, objects, config) => {
    const proxy = startChildProxy(node, objects, config);
    return {
      remove: async () => {
        expect(await proxy.stop()).toContain('connection');
        const commands = createSpawnRunner({ prefix: node.enter });
        const log = new MemoryLogger();
        await cleanupEverything({ commands, log }, new AbortController().signal);
        expect(await node.run(['iptables-save'])).not.toContain('KUBE-PORTALS');
      },
    };
  },
});
