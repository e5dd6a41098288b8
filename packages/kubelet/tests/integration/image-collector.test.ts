import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { createCriClient, type CriClient } from '@nodeagent/cri-client/grpc';
import { type Containerd, ifStarted, startContainerd } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { ImageCollector } from '../../src/reclaim/run/index.js';

const { signal } = new AbortController();
const BUSYBOX = 'nodeagent.test/busybox:1';
const PAUSE = 'nodeagent.test/pause:1';
const WEB = 'nodeagent.test/web:1';
let containerd: Containerd;
let cri: CriClient;

beforeAll(async () => {
  containerd = await startContainerd({ name: 'image-collector', images: ['busybox', 'web'] });
  cri = createCriClient({ endpoint: containerd.endpoint });
});

afterAll(async () => {
  ifStarted(cri)?.close();
  await ifStarted(containerd)?.stop();
});

async function present(): Promise<readonly string[]> {
  const images = await cri.images.listImages({}, signal);
  return images.flatMap(({ repoTags }) => repoTags).sort();
}

it('removes unused images, and keeps used ones and the sandbox image', async () => {
  const metadata = { name: 'web', namespace: 'default', uid: 'u', attempt: 0 };
  const sandboxConfig = { metadata, linux: { cgroupParent: '/image-collector' } };
  const sandboxId = await cri.runtime.runPodSandbox({ config: sandboxConfig }, signal);
  const used = await cri.images.imageStatus({ image: BUSYBOX }, signal);
  const image = { image: used?.id ?? '' };
  const config = { metadata: { name: 'app', attempt: 0 }, image, command: ['/bin/true'] };
  await cri.runtime.createContainer({ sandboxId, config, sandboxConfig }, signal);
  expect(await present()).toEqual([BUSYBOX, PAUSE, WEB]);
  const metrics = new MemoryMetrics();
  const collector = new ImageCollector(
    {
      ...{ cri: cri.runtime, images: cri.images, metrics },
      ...{ clock: createSystemClock(), log: new MemoryLogger() },
      disk: async () => ({ capacityBytes: 1000, availableBytes: 100 }),
      events: { warning: () => undefined },
      pulls: () => undefined,
    },
    { highPercent: 85, lowPercent: 80, minAgeMs: 0, maxAgeMs: 0 },
  );
  await collector.collect(signal);
  expect(await present()).toEqual([BUSYBOX, PAUSE]);
  expect(metrics.values.get('kubelet_image_garbage_collected_total{reason="space"}')).toBe(1);
  await cri.runtime.removePodSandbox(sandboxId, signal);
  await collector.removeUnusedImages(signal);
  expect(await present()).toEqual([PAUSE]);
});
