import { dirname, resolve } from 'node:path';

import { bootSystemd } from '@nodeagent/testbed';
import { expect, it, onTestFinished } from 'vitest';

import { hasCgroupV2 } from '../../src/linux.js';

const PACKAGE = resolve(import.meta.dirname, '../..');
const VITEST = resolve(PACKAGE, '../../node_modules/vitest/vitest.mjs');

// Version 2 is tested in a virtual machine: e2e/tests/machine/cgroups.test.ts.
it.skipIf(await hasCgroupV2())(
  'slices of a real systemd, in namespaces, pass tests/systemd',
  async () => {
    const space = await bootSystemd(`cgroups-${process.pid}`);
    onTestFinished(() => space.remove());
    const script = `cd '${PACKAGE}' && exec "$0" '${VITEST}' run`;
    const { exitCode, stdout, stderr } = await space.try(['sh', '-c', script, process.execPath], {
      env: {
        NODEAGENT_TIER: 'systemd',
        PATH: `${dirname(process.execPath)}:/usr/sbin:/usr/bin:/bin`,
      },
      timeoutMs: 200_000,
    });
    expect(exitCode, `${stdout}${stderr}`).toBe(0);
    expect(stdout).toContain('systemd-driver.test.ts');
  },
);
