import { containerId } from '@nodeagent/cri-client';
import { expect, it } from 'vitest';

import { podUid } from '../../../src/pod/index.js';
import { aPod, createMemoryNode } from '../../../src/testing/index.js';
import { runPod } from '../../support/one-container.js';
import { openNode } from '../../support/opened-node.js';
import { startRunningClock } from '../../support/running-clock.js';

it('the log of a running container that is removed is not opened again by a rotation meanwhile', async () => {
  const { clock, stop } = startRunningClock();
  const { adapters, runtime: cri, disk } = createMemoryNode({ clock });
  const { signal } = new AbortController();
  cri.images.add('app:1');
  const { pods } = adapters.files;
  let id = '';
  const node = await openNode({
    adapters: {
      ...adapters,
      files: {
        ...adapters.files,
        pods: {
          ...pods,
          removeLogs: async (log, link) => {
            await pods.removeLogs(log, link);
            // The rotation finds no log.
            await cri.reopenContainerLog(containerId(id), signal).catch(() => undefined);
          },
        },
      },
    },
    config: {},
    identity: { nodeName: 'n1' },
    cri: { runtime: cri, images: cri.images, close: () => undefined },
  });
  const pod = aPod();
  await runPod(node, pod);
  const { containers } = await node.view.observe(podUid(pod), signal);
  id = containers[0]?.id ?? '';
  const logs = (): readonly string[] => disk.below('/var/log/pods').filter((at) => /log$/.test(at));
  expect(logs()).toHaveLength(1);
  await node.runtime.removeContainer(id, 'remove', signal);
  expect(logs()).toEqual([]);
  await node.close();
  stop();
});
