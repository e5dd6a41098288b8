import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { expect } from 'vitest';

import { cleanupEverything } from '../../src/index.js';
import { WORLDS } from '../packets/cases.js';
import { packetSuite } from '../packets/suite.js';
import { startProxy } from './running-proxy.js';

packetSuite({
  mode: 'iptables',
  worlds: WORLDS.slice(0, 1),
  start: async ({ node }, objects, config) => {
    for (const program of ['iptables-legacy', 'ip6tables-legacy']) {
      // a kubelet's chain that shows what the host uses
      await node.run([program, '-t', 'mangle', '-N', 'KUBE-IPTABLES-HINT']);
    }
    const proxy = startProxy(node, objects, config);
    return {
      remove: async () => {
        await proxy.stop();
        expect(await node.run(['iptables-legacy-save', '-t', 'nat'])).toContain('KUBE-SERVICES');
        const commands = createSpawnRunner({ prefix: node.enter });
        await cleanupEverything({ commands, log: proxy.log }, new AbortController().signal);
        const left = await node.run(['iptables-legacy-save']);
        expect(left.match(/KUBE-(?!FIREWALL|IPTABLES-HINT)[\w-]+/g)).toBeNull();
      },
    };
  },
});
