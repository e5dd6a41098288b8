import { execFileSync } from 'node:child_process';

import { afterAll } from 'vitest';

import { createSpawnRunner } from '../../src/adapters/spawn-command.js';
import { createIptables, featuresFromVersion } from '../../src/index.js';
import { iptablesContract } from '../contract/iptables-contract.js';

const namespace = `nf-contract-${process.pid}`;
const runner = createSpawnRunner({ prefix: ['ip', 'netns', 'exec', namespace] });
const remove = (): void => {
  execFileSync('sh', ['-c', `ip netns del ${namespace} 2>/dev/null || true`]);
};

afterAll(remove);

for (const family of ['IPv4', 'IPv6'] as const) {
  for (const variant of ['-nft', '-legacy'] as const) {
    iptablesContract(`${family} through iptables${variant}`, async () => {
      remove();
      execFileSync('ip', ['netns', 'add', namespace]);
      const program = `${family === 'IPv4' ? 'iptables' : 'ip6tables'}${variant}`;
      const features = featuresFromVersion(
        execFileSync(program, ['--version'], { encoding: 'utf8' }),
      );
      if (features === undefined) throw new Error(`${program} is too old for this test`);
      return createIptables({ runner, family, features, variant });
    });
  }
}
