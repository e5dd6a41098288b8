import { SILENT_LOGGER } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { runCommand } from '@nodeagent/testbed';
import { expect, it, onTestFinished, vi } from 'vitest';

import { createCgroupTree, openTree } from '../../src/linux.js';

it('without a bus systemd is asked by its own socket, and tells of reloads there', async () => {
  vi.stubEnv('DBUS_SYSTEM_BUS_ADDRESS', 'unix:path=/nowhere');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { tree, watchOverwrites } = await openTree({
    ...{ driver: 'systemd', clock: createSystemClock(), log: SILENT_LOGGER },
  });
  const stop = new AbortController();
  let reloads = 0;
  const watching = watchOverwrites?.(() => (reloads += 1), stop.signal);
  await tree.ensure(['private', 'below'], { pidsMax: 50 });
  const files = await createCgroupTree('systemd');
  expect(await files.limits(['private', 'below'])).toMatchObject({ pidsMax: 50 });
  await runCommand(['systemctl', 'daemon-reload']);
  await expect.poll(() => reloads).toBeGreaterThan(0);
  await tree.remove(['private']);
  expect(await files.limits(['private'])).toBeUndefined();
  stop.abort();
  await watching;
});
