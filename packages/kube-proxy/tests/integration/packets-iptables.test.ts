import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { expect } from 'vitest';

import { cleanupEverything } from '../../src/index.js';
import { packetSuite } from '../packets/suite.js';
import { startProxy } from './running-proxy.js';

packetSuite({
  mode: 'iptables',
  start: async ({ node }, objects, config) => {
    const proxy = startProxy(node, objects, config);
    return {
      remove: async () => {
        await proxy.stop();
        const failures = proxy.log.lines.filter(({ message }) => message.includes('failed'));
        expect(failures).toEqual([]);
        const commands = createSpawnRunner({ prefix: node.enter });
        await cleanupEverything({ commands, log: proxy.log }, new AbortController().signal);
      },
    };
  },
});
