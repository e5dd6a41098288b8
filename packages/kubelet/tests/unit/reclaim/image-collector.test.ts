import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { CriError } from '@nodeagent/cri-client';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { DiskSpace, ImageGcPolicy } from '../../../src/reclaim/model/image-gc.js';
import { ImageCollector } from '../../../src/reclaim/run/index.js';

const { signal } = new AbortController();
const MINUTE = 60_000;
const POLICY = { highPercent: 85, lowPercent: 80, minAgeMs: 2 * MINUTE, maxAgeMs: 0 };
let attempts = 0;
let clock: ManualClock;
let cri: MemoryRuntime;
let metrics: MemoryMetrics;
let disk: DiskSpace | undefined;
let events: string[];
let prunes: number;
let pulledAgesMs: () => ReadonlyMap<string, number>;
let end: AbortController;
let run: Promise<void> | undefined;

beforeEach(() => {
  clock = new ManualClock();
  cri = new MemoryRuntime({ clock });
  metrics = new MemoryMetrics();
  disk = { capacityBytes: 1000, availableBytes: 1000 };
  [events, prunes, run] = [[], 0, undefined];
  pulledAgesMs = () => new Map();
  end = new AbortController();
});
afterEach(async () => {
  end.abort(new Error('the test is over'));
  await run;
});

function create(policy: Partial<ImageGcPolicy> = {}): ImageCollector {
  return new ImageCollector(
    {
      ...{ cri, images: cri.images, metrics, clock, log: new MemoryLogger() },
      disk: async (path) => (path === '/var/lib/containers' ? disk : undefined),
      events: { warning: (reason, message) => void events.push(`${reason}: ${message}`) },
      pulls: () => ({
        prune: async () => {
          prunes += 1;
        },
        agesMs: async () => pulledAgesMs(),
      }),
    },
    { ...POLICY, ...policy },
  );
}

/** Starts the loop, and makes all images of the node old enough. */
async function begin(policy: Partial<ImageGcPolicy> = {}): Promise<ImageCollector> {
  const collector = create(policy);
  run = collector.run(end.signal);
  await clock.advance(3 * MINUTE);
  return collector;
}

async function useImage(image: string, more: object = {}): Promise<() => Promise<void>> {
  const attempt = (attempts += 1);
  const sandboxConfig = { metadata: { name: 'web', namespace: 'default', uid: 'u', attempt } };
  const sandboxId = await cri.runPodSandbox({ config: sandboxConfig }, signal);
  const metadata = { name: 'app', attempt };
  const config = { metadata, image: { image }, ...more };
  await cri.createContainer({ sandboxId, config, sandboxConfig }, signal);
  return () => cri.removePodSandbox(sandboxId, signal);
}

const add = (name: string, sizeBytes = 10): string => cri.images.add(name, { sizeBytes }).id;
const present = (...names: readonly string[]): readonly string[] =>
  names.filter((name) => cri.images.find(name) !== undefined);

describe('a file system that is too full', () => {
  beforeEach(() => {
    disk = { capacityBytes: 1000, availableBytes: 150 };
  });

  it('loses the images that were unused for longest until the low threshold is reached', async () => {
    add('recent:1', 50);
    add('never:1', 60);
    add('busy:1', 50);
    const mounted = add('mounted:1', 50);
    cri.images.add('pinned:1', { sizeBytes: 50, pinned: true });
    await useImage('busy:1', { mounts: [{ containerPath: '/v', image: { image: mounted } }] });
    const free = await useImage('recent:1');
    disk = { capacityBytes: 1000, availableBytes: 900 };
    const collector = await begin();
    await free();
    disk = { capacityBytes: 1000, availableBytes: 150 };
    await collector.collect(signal);
    const names = ['never:1', 'busy:1', 'mounted:1', 'pinned:1', 'recent:1'];
    expect(present(...names)).toEqual(['busy:1', 'mounted:1', 'pinned:1', 'recent:1']);
    disk = { capacityBytes: 1000, availableBytes: 150 };
    await collector.collect(signal);
    expect(present(...names)).toEqual(['busy:1', 'mounted:1', 'pinned:1']);
    expect(prunes).toBe(2);
    expect(metrics.values.get('kubelet_image_garbage_collected_total{reason="space"}')).toBe(2);
    expect(events).toEqual([]);
  });

  it('that has too few unused images is reported, and its failures from the second on', async () => {
    add('young:1', 500);
    run = create({ minAgeMs: 60 * MINUTE }).run(end.signal);
    await clock.advance(1000);
    const text =
      "Insufficient free disk space on the node's image filesystem (85% of 1000 B used). Failed to free sufficient space by deleting unused images (freed 0 bytes). Investigate disk usage, as it could be used by active images, logs, volumes, or other data.";
    expect(events).toEqual([`FreeDiskSpaceFailed: ${text}`]);
    await clock.advance(5 * MINUTE);
    expect(events.slice(1)).toEqual([`FreeDiskSpaceFailed: ${text}`, `ImageGCFailed: ${text}`]);
    disk = { capacityBytes: 1000, availableBytes: 900 };
    await clock.advance(5 * MINUTE);
    disk = { capacityBytes: 1000, availableBytes: 100 };
    await clock.advance(5 * MINUTE);
    expect(events).toHaveLength(4);
  });

  it('loses the other images when one cannot be removed', async () => {
    disk = { capacityBytes: 1000, availableBytes: 900 };
    add('a:1', 20);
    add('b:1', 30);
    const collector = await begin();
    disk = { capacityBytes: 1000, availableBytes: 100 };
    cri.calls.failNext('removeImage', new CriError('CRI_UNKNOWN', 'read-only', { method: 'm' }));
    await expect(collector.collect(signal)).rejects.toThrow(
      'wanted to free 100 bytes, but freed 30 bytes space with errors in image deletion: read-only',
    );
    expect(present('a:1', 'b:1')).toEqual(['a:1']);
    expect([prunes, events]).toEqual([0, []]);
  });
});

it('removes images that were unused for too long, once it has watched for long enough', async () => {
  const maxAgeMs = 8 * MINUTE;
  add('old:1');
  add('stuck:1');
  run = create({ maxAgeMs }).run(end.signal);
  await clock.advance(6 * MINUTE);
  expect(present('old:1')).toEqual(['old:1']);
  cri.calls.failNext('removeImage', new CriError('CRI_UNKNOWN', 'no', { method: 'm' }));
  await clock.advance(5 * MINUTE);
  expect(present('old:1', 'stuck:1')).toEqual(['old:1']);
  cri.calls.failNext('removeImage', new CriError('CRI_UNKNOWN', 'no', { method: 'm' }), 2);
  await clock.advance(10 * MINUTE);
  expect(events).toEqual([
    'ImageGCFailed: wanted to free images older than 8m0s, encountered errors in image deletion: no',
    'ImageGCFailed: wanted to free images older than 8m0s, encountered errors in image deletion: no',
  ]);
  expect(metrics.values.get('kubelet_image_garbage_collected_total{reason="age"}')).toBe(1);
});

it.each([[undefined], [{ capacityBytes: 0, availableBytes: 0 }]])(
  'reports a file system of unknown size: %j',
  async (size) => {
    disk = size;
    await expect(create().collect(signal)).rejects.toThrow('invalid capacity 0');
    expect(events).toEqual(['InvalidDiskCapacity: invalid capacity 0 on image filesystem']);
  },
);

describe('after a restart', () => {
  /** Another kubelet on the same node. */
  async function restart(policy: Partial<ImageGcPolicy> = {}): Promise<ImageCollector> {
    end.abort(new Error('the kubelet ends'));
    await run;
    end = new AbortController();
    const collector = create(policy);
    run = collector.run(end.signal);
    await clock.advance(0);
    return collector;
  }

  it('an image is young if nothing tells its age, and goes when it was seen for long enough', async () => {
    add('loaded:1');
    await begin();
    const collector = await restart();
    await clock.advance(2 * MINUTE - 1);
    await collector.removeUnusedImages(signal);
    expect(present('loaded:1')).toEqual(['loaded:1']);
    await clock.advance(1);
    await collector.removeUnusedImages(signal);
    expect(present('loaded:1')).toEqual([]);
  });

  it('an image goes at once that was pulled for long enough before, and no other', async () => {
    const [old, young] = [add('old:1'), add('young:1')];
    await begin();
    pulledAgesMs = () =>
      new Map([
        [old, 2 * MINUTE],
        [young, 2 * MINUTE - 1],
      ]);
    const collector = await restart();
    await collector.removeUnusedImages(signal);
    expect(present('old:1', 'young:1')).toEqual(['young:1']);
    const again = add('old:1', 20);
    pulledAgesMs = () => new Map([[again, 60 * MINUTE]]);
    await collector.removeUnusedImages(signal);
    expect(present('old:1')).toEqual(['old:1']); // it came while this kubelet ran
  });

  it('the maximum age counts anew, as no one knows what was used before', async () => {
    const old = add('old:1');
    await begin({ maxAgeMs: 8 * MINUTE });
    await clock.advance(4 * MINUTE);
    pulledAgesMs = () => new Map([[old, 60 * MINUTE]]);
    await restart({ maxAgeMs: 8 * MINUTE });
    await clock.advance(7 * MINUTE);
    expect(present('old:1')).toEqual(['old:1']);
    await clock.advance(4 * MINUTE);
    expect(present('old:1')).toEqual([]);
  });

  it('records that cannot be read make no image old', async () => {
    add('a:1');
    pulledAgesMs = () => {
      throw new Error('EMFILE');
    };
    const collector = create();
    await collector.removeUnusedImages(signal);
    expect(present('a:1')).toEqual(['a:1']);
  });
});

it.each([
  [100, []],
  [85, ['ImageGCFailed: the runtime is away']],
])(
  'with a high threshold of %d %% failures in a row are reported as %j',
  async (highPercent, want) => {
    run = create({ highPercent }).run(end.signal);
    cri.calls.failNext(
      'listImages',
      new CriError('CRI_UNKNOWN', 'the runtime is away', { method: 'm' }),
      2,
    );
    await clock.advance(10 * MINUTE);
    expect(events).toEqual(want);
  },
);

describe('under disk pressure', () => {
  it('all unused images go that are old enough, also without thresholds', async () => {
    add('a:1');
    add('busy:1');
    await useImage('busy:1');
    const collector = await begin({ highPercent: 100 });
    add('young:1');
    await collector.removeUnusedImages(signal);
    expect(present('a:1', 'busy:1', 'young:1')).toEqual(['busy:1', 'young:1']);
    expect(prunes).toBe(1);
  });

  it('an image that cannot be removed is an error', async () => {
    add('a:1');
    const collector = await begin();
    cri.calls.failNext('removeImage', new CriError('CRI_UNKNOWN', 'no', { method: 'm' }));
    await expect(collector.removeUnusedImages(signal)).rejects.toThrow(
      'wanted to free 9223372036854775807 bytes, but freed 0 bytes space with errors in image deletion: no',
    );
  });

  it('nothing goes whose use is unknown, except by containers that are gone', async () => {
    add('a:1');
    await useImage('a:1');
    const collector = await begin();
    await useImage('a:1');
    cri.calls.failNext('containerStatus', 'CRI_UNKNOWN');
    await expect(collector.removeUnusedImages(signal)).rejects.toThrow();
    cri.calls.failNext('containerStatus', 'CRI_NOT_FOUND');
    await collector.removeUnusedImages(signal);
    expect(cri.calls.of('removeImage')).toEqual([]);
  });
});

it.each([
  [85, []],
  [100, ['a:1']],
])(
  'after a pull without space and a high threshold of %d %% keeps %j',
  async (highPercent, want) => {
    add('a:1');
    const collector = await begin({ highPercent });
    collector.pullWithoutSpace();
    await clock.advance(1000);
    expect(present('a:1')).toEqual(want);
  },
);
