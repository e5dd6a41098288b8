import type { Image } from '@nodeagent/cri-client';
import { describe, expect, it } from 'vitest';

import type { ImageRecord } from '../../../src/reclaim/model/image-gc.js';
import {
  collectsImages,
  expiredImages,
  matureImages,
  recordImages,
  removableImages,
  spaceToFree,
} from '../../../src/reclaim/plan/image-gc.js';
import { formatSize, spaceText, tooFullText } from '../../../src/reclaim/plan/image-gc-texts.js';

const GIB = 2 ** 30;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const nowMs = 100 * DAY;

function record(id: string, more: Partial<ImageRecord> = {}): ImageRecord {
  return {
    ...{ key: id, id, runtimeHandler: undefined, sizeBytes: GIB, pinned: false, inUse: false },
    ...{ firstSeenMs: nowMs - DAY, lastUsedMs: undefined, ...more },
  };
}

const ids = (records: readonly ImageRecord[]): string => records.map(({ id }) => id).join('');

function image(id: string, more: Partial<Image> = {}): Image {
  return { id, repoTags: [], repoDigests: [], sizeBytes: 1, pinned: false, ...more };
}

describe(recordImages, () => {
  const none = new Set<string>();

  it('dates an image by its first sight and its last use', () => {
    const images = [image('a'), image('b')];
    const use = [{ imageId: 'a', imageRef: 'other' }];
    const first = recordImages([], { images, containers: use, mounted: none }, { nowMs: 10 });
    const second = recordImages(first, { images, containers: [], mounted: none }, { nowMs: 20 });
    expect(second).toEqual([
      expect.objectContaining({ id: 'a', inUse: false, firstSeenMs: 10, lastUsedMs: 10 }),
      expect.objectContaining({ id: 'b', inUse: false, firstSeenMs: 10, lastUsedMs: undefined }),
    ]);
  });

  it('forgets an image that is gone', () => {
    const first = recordImages(
      [],
      { images: [image('a')], containers: [], mounted: none },
      { nowMs: 10 },
    );
    const gone = recordImages(first, { images: [], containers: [], mounted: none }, { nowMs: 20 });
    const [back] = recordImages(
      gone,
      { images: [image('a')], containers: [], mounted: none },
      { nowMs: 30 },
    );
    expect(back?.firstSeenMs).toBe(30);
  });

  it.each([
    ['an image id', { containers: [{ imageId: 'a', imageRef: '' }], mounted: none }],
    [
      'an old runtime’s reference',
      { containers: [{ imageId: '', imageRef: 'r@x' }], mounted: none },
    ],
    ['a volume', { containers: [], mounted: new Set(['a']) }],
    ['a volume by name', { containers: [], mounted: new Set(['r:1']) }],
  ])('sees the use by %s', (_what, use) => {
    const images = [image('a', { repoTags: ['r:1'], repoDigests: ['r@x'] })];
    expect(recordImages([], { images, ...use }, { nowMs: 10 })[0]?.inUse).toBe(true);
  });

  it('keeps the copies of two runtime handlers apart, and both while one is used', () => {
    const images = ['kata', 'runc'].map((runtimeHandler) =>
      image('a', { spec: { image: 'a', runtimeHandler } }),
    );
    const containers = [{ imageId: 'a', imageRef: '' }];
    const records = recordImages([], { images, containers, mounted: none }, { nowMs: 10 });
    expect(records.map(({ key, inUse }) => [key, inUse])).toEqual([
      ['a,kata', true],
      ['a,runc', true],
    ]);
  });
});

describe('an example of 100 GiB', () => {
  const records = [
    record('a', { sizeBytes: 2 * GIB, firstSeenMs: nowMs - 10 * DAY, lastUsedMs: nowMs - HOUR }),
    record('b', { firstSeenMs: nowMs - 5 * DAY }),
    record('c', { sizeBytes: 3 * GIB, firstSeenMs: nowMs - MINUTE }),
    record('d', { inUse: true, lastUsedMs: nowMs }),
    record('e', { pinned: true, lastUsedMs: nowMs - 30 * DAY }),
    record('f', { sizeBytes: 2 * GIB, firstSeenMs: nowMs - 3 * DAY, lastUsedMs: nowMs - 2 * DAY }),
    record('g', { sizeBytes: 4 * GIB, firstSeenMs: nowMs - 6 * DAY }),
  ];
  const removable = removableImages(records);

  it('orders by last use and first sight', () => {
    expect(ids(removable)).toBe('gbcfa');
    expect(ids(matureImages(removable, { minAgeMs: 2 * MINUTE }, nowMs))).toBe('gbfa');
  });

  it('wants the space down to the low threshold', () => {
    const disk = { capacityBytes: 100 * GIB, availableBytes: 12 * GIB };
    const policy = { highPercent: 85, lowPercent: 80 };
    expect(spaceToFree(disk, policy)).toEqual({ usedPercent: 88, bytes: 8 * GIB });
    expect(spaceToFree({ ...disk, availableBytes: 16 * GIB }, policy)).toBeUndefined();
    expect(spaceToFree({ ...disk, availableBytes: 15 * GIB }, policy)?.usedPercent).toBe(85);
    expect(spaceToFree({ ...disk, availableBytes: 200 * GIB }, policy)).toBeUndefined();
  });

  it('finds images that were unused for longer than the maximum age', () => {
    const times = { nowMs, ranMs: 2 * DAY };
    expect(ids(expiredImages(removable, { maxAgeMs: DAY }, times))).toBe('gbcf');
    expect(expiredImages(removable, { maxAgeMs: 0 }, times)).toEqual([]);
    expect(expiredImages(removable, { maxAgeMs: 2 * DAY }, times)).toEqual([]);
  });
});

it.each([
  [100, 0, false],
  [100, 1, true],
  [99, 0, true],
])(
  'a high threshold of %d %% and a maximum age of %d collect: %s',
  (highPercent, maxAgeMs, want) => {
    expect(collectsImages({ highPercent, maxAgeMs, lowPercent: 0, minAgeMs: 0 })).toBe(want);
  },
);

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1280, '1.2 KiB'],
  [1024 ** 2 - 1, '1024.0 KiB'],
  [1.5 * 1024 ** 2, '1.5 MiB'],
  [100 * GIB, '100.0 GiB'],
  [2048 * 1024 ** 4, '2048.0 TiB'],
])('formats %d bytes as %s', (bytes, want) => {
  expect(formatSize(bytes)).toBe(want);
});

it('says what was freed and what failed', () => {
  expect(tooFullText({ usedPercent: 88, capacityBytes: 100 * GIB }, 7)).toBe(
    "Insufficient free disk space on the node's image filesystem (88% of 100.0 GiB used). Failed to free sufficient space by deleting unused images (freed 7 bytes). Investigate disk usage, as it could be used by active images, logs, volumes, or other data.",
  );
  expect(spaceText({ wantedBytes: undefined, freedBytes: 1 }, ['x', 'y', 'x'])).toBe(
    'wanted to free 9223372036854775807 bytes, but freed 1 bytes space with errors in image deletion: [x, y]',
  );
});
