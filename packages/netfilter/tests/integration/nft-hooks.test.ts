import { connect, createServer } from 'node:net';

import { describe, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createSpawnRunner } from '../../src/adapters/spawn-command.js';

const never = new AbortController().signal;
const runner = createSpawnRunner();

/** Checks facts about the kernel that the packet tracers rely on. */
inOwnNamespace('tests/integration/nft-hooks.test.ts', () => {
  const run = async (argv: readonly [string, ...string[]], input = ''): Promise<string> => {
    const { exitCode, stdout, stderr } = await runner.run({ argv, stdin: [input] }, never);
    if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
    return stdout;
  };

  describe('the first packet that a host sends to itself', () => {
    it('passes output, postrouting, prerouting and input, and nat in the first two', async () => {
      await run(['ip', 'link', 'set', 'lo', 'up']);
      const chain = (name: string, type: string, hook: string, priority: number): string =>
        `chain ${name} { type ${type} hook ${hook} priority ${priority}; ct state new tcp flags syn tcp dport 8080 counter comment "${name}"; }`;
      const chains = (['prerouting', 'input', 'output', 'postrouting'] as const).flatMap((hook) => [
        chain(`filter-${hook}`, 'filter', hook, 0),
        chain(`nat-${hook}`, 'nat', hook, 10),
      ]);
      await run(['nft', '-f', '-'], `table ip passes {\n${chains.join('\n')}\n}\n`);
      const server = createServer((socket) => socket.end());
      await new Promise<void>((resolve) => server.listen(8080, '127.0.0.1', resolve));
      await new Promise((resolve) => connect(8080, '127.0.0.1').resume().once('close', resolve));
      server.close();
      const listed = await run(['nft', 'list', 'table', 'ip', 'passes']);
      const seen = [...listed.matchAll(/counter packets (\d+) bytes \d+ comment "(\S+)"/g)];
      const passed = seen.flatMap(([, packets, name]) => (packets === '1' ? [name] : []));
      expect(passed.toSorted()).toEqual([
        'filter-input',
        'filter-output',
        'filter-postrouting',
        'filter-prerouting',
        'nat-output',
        'nat-postrouting',
      ]);
    });
  });
});
