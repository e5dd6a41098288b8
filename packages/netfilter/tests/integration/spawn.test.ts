import { expect, it } from 'vitest';

import { createSpawnRunner } from '../../src/adapters/spawn-command.js';

const never = new AbortController().signal;

it('reports a program killed for taking too long, even when its input was not all read', async () => {
  const command = { argv: ['sleep', '600'], stdin: ['x'.repeat(1 << 20)], timeoutMs: 100 } as const;
  await expect(createSpawnRunner().run(command, never)).rejects.toMatchObject({
    code: 'NETFILTER_COMMAND_FAILED',
    message: expect.stringContaining('sleep: killed by SIGKILL, perhaps after 0.1 s') as string,
  });
});
