import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { thisNetns } from '@nodeagent/testbed';
import { beforeAll } from 'vitest';

import { cleanupEverything } from '../../src/index.js';
import { machineOf, startProxy } from '../integration/running-proxy.js';
import { WORLDS } from '../packets/cases.js';
import { packetSuite } from '../packets/suite.js';

const node = thisNetns();

beforeAll(async () => {
  await node.run(['modprobe', 'sctp']);
});

/**
 * Tests SCTP with real sockets, which this kernel supports. On kernels without SCTP, other tests
 * send hand-made packets. The ipvs mode has its own file, with the whole table.
 */
packetSuite({
  mode: 'iptables',
  node,
  worlds: WORLDS.slice(0, 1).map((world) => ({
    ...world,
    services: world.services.filter(({ name }) => /^(web|streams)/.test(name)),
    cases: world.cases.filter(({ protocol }) => protocol === 'sctp'),
  })),
  start: async (_, objects, config) => {
    const proxy = startProxy(node, objects, config, machineOf(node));
    return {
      remove: async () => {
        await proxy.stop();
        const left = { commands: createSpawnRunner(), log: proxy.log };
        await cleanupEverything(left, new AbortController().signal);
      },
    };
  },
});
