import { join } from 'node:path';

import { startContainerd } from '@nodeagent/testbed';
import { expect, it, onTestFinished, vi } from 'vitest';

import { runReadmeExample } from '../../../../vitest.readme.js';

it('the README example prints the same on containerd', async () => {
  const containerd = await startContainerd({ name: 'cri-readme', images: ['busybox'] });
  onTestFinished(() => containerd.stop());
  vi.stubEnv('CRI_ENDPOINT', containerd.endpoint);
  vi.stubEnv('IMAGE', 'nodeagent.test/busybox:1');
  const printed = await runReadmeExample(join(import.meta.dirname, '../..'));
  expect(printed).toBe('the container is running\nhello from the container\ngone\n');
});
