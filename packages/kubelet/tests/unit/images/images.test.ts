import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { CriError, type ImageService } from '@nodeagent/cri-client';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import type { PullRules } from '../../../src/images/model/pull-rules.js';
import { Images, type ImagesPorts } from '../../../src/images/run/images.js';
import { aPod, MemoryPodEvents } from '../../../src/testing/index.js';

const { signal } = new AbortController();
const SECOND = 1000;
let clock: ManualClock;
let cri: MemoryRuntime;
let events: MemoryPodEvents;
let images: Images;

beforeEach(() => {
  clock = new ManualClock();
  cri = new MemoryRuntime({ clock });
  events = new MemoryPodEvents();
  const credentials = { forImage: () => Promise.resolve([]) };
  const ports = { images: cri.images, credentials, events, clock, log: new MemoryLogger() };
  images = new Images(ports, { concurrency: undefined, qps: 0, burst: 0 });
});

/** @returns the reason of the failure, or the image */
async function ensure(imagePullPolicy: string): Promise<string> {
  const image = 'reg.test/app:1';
  const sandbox = { metadata: { name: 'web', namespace: 'default', uid: 'u', attempt: 0 } };
  try {
    const request = { pod: aPod(), image, policy: imagePullPolicy, container: 'app', sandbox };
    return (await images.ensure(request, signal)).ref;
  } catch (error) {
    return (error as { reason?: string }).reason ?? String(error);
  }
}

const pulls = (): number => cri.calls.of('pullImage').length;

/** The message of the failure. */
async function failure(
  rules: Partial<PullRules> = {},
  more: Partial<ImagesPorts> = {},
): Promise<{ reason: string; message: string }> {
  const credentials = { forImage: () => Promise.resolve([]) };
  const ports = {
    images: cri.images,
    credentials,
    events,
    clock,
    log: new MemoryLogger(),
    ...more,
  };
  const own = new Images(ports, { concurrency: undefined, qps: 0, burst: 0, ...rules });
  const request = { pod: aPod(), image: 'reg.test/app:1', container: 'app', sandbox: SANDBOX };
  return own.ensure(request, signal).then(
    () => Promise.reject(new Error('it was pulled')),
    (error: unknown) => error as { reason: string; message: string },
  );
}
const SANDBOX = { metadata: { name: 'web', namespace: 'default', uid: 'u', attempt: 0 } };

describe('a failed pull', () => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['no such host', 'ErrImagePull', 'no such host'],
    [
      'RegistryUnavailable: 503',
      'RegistryUnavailable',
      'image pull failed for reg.test/app:1 because the registry is unavailable: 503',
    ],
    [
      'SignatureValidationFailed',
      'SignatureValidationFailed',
      'image pull failed for reg.test/app:1 because the signature validation failed',
    ],
  ];
  it.each(rows)('with "%s" from the runtime has the reason %s', async (detail, reason, message) => {
    cri.calls.failNext('pullImage', new CriError('CRI_UNKNOWN', detail, { method: 'PullImage' }));
    expect(await failure()).toMatchObject({ reason, message });
    expect(events.lines).toContain(
      `Warning Failed web app: Failed to pull image "reg.test/app:1": ${message}`,
    );
  });

  it.each([
    ['write /var/lib/x: no space left on device', 1],
    ['write /var/lib/x: disk quota exceeded', 1],
    ['no such host', 0],
  ])('with "%s" tells of a full disk %d times', async (detail, times) => {
    cri.calls.failNext('pullImage', new CriError('CRI_UNKNOWN', detail, { method: 'PullImage' }));
    let told = 0;
    const onNoSpace = (): void => void (told += 1);
    await failure({}, { onNoSpace });
    expect(told).toBe(times);
  });

  it('reports that the runtime cannot inspect the image', async () => {
    const broken = new CriError('CRI_UNKNOWN', 'disk', { method: 'ImageStatus' });
    cri.calls.failNext('imageStatus', broken);
    const text = 'Failed to inspect image "reg.test/app:1": disk';
    expect(await failure()).toMatchObject({ reason: 'ImageInspectError', message: text });
    expect(events.lines).toContain(`Warning InspectFailed web app: ${text}`);
  });

  it('reports an exceeded pull rate', async () => {
    const refused = await failure({ qps: 0.001, burst: 0 });
    expect(refused).toMatchObject({ reason: 'ErrImagePull', message: 'pull QPS exceeded' });
    expect(pulls()).toBe(0);
  });
});

describe('pulls', () => {
  it.each([
    [1, 1],
    [2, 2],
    [undefined, 3],
  ])('are limited to a concurrency of %s', async (concurrency, want) => {
    let [now, most] = [0, 0];
    const slow = {
      imageStatus: () => Promise.resolve(undefined),
      pullImage: async () => {
        now += 1;
        most = Math.max(most, now);
        await clock.sleep(1000, signal);
        now -= 1;
        return 'sha256:x';
      },
    } as unknown as ImageService;
    const credentials = { forImage: () => Promise.resolve([]) };
    const ports = { images: slow, credentials, events, clock, log: new MemoryLogger() };
    const own = new Images(ports, { concurrency, qps: 0, burst: 0 });
    const all = ['a', 'b', 'c'].map((name) =>
      own.ensure({ pod: aPod(), image: `reg.test/${name}:1`, sandbox: SANDBOX }, signal),
    );
    const done = Promise.all(all);
    for (let turn = 0; turn < 10; turn += 1) await clock.advance(1000);
    await done;
    expect(most).toBe(want);
  });
});

describe('Images', () => {
  it('waits 10 s after the first failed pull, and twice as long after each further one', async () => {
    expect(await ensure('Always')).toBe('ErrImagePull');
    for (const waitMs of [10, 20, 40, 80, 160, 300, 300].map((s) => s * SECOND)) {
      const before = pulls();
      await clock.advance(waitMs - 1);
      expect(await ensure('Always')).toBe('ImagePullBackOff');
      expect(pulls()).toBe(before);
      await clock.advance(1);
      expect(await ensure('Always')).toBe('ErrImagePull');
      expect(pulls()).toBe(before + 1);
    }
    expect(events.lines).toContainEqual(expect.stringMatching(/^Normal BackOff /));
  });

  it('resets after a successful pull', async () => {
    await ensure('Always');
    await clock.advance(10 * SECOND);
    const { id } = cri.images.publish('reg.test/app:1');
    expect(await ensure('Always')).toBe(id);
    cri.images.unpublish('reg.test/app:1');
    expect(await ensure('Always')).toBe('ErrImagePull');
    await clock.advance(10 * SECOND);
    expect(await ensure('Always')).toBe('ErrImagePull');
  });

  it('uses an image that arrived by other means after failed pulls', async () => {
    expect(await ensure('IfNotPresent')).toBe('ErrImagePull');
    const { id } = cri.images.add('reg.test/app:1');
    expect(await ensure('IfNotPresent')).toBe(id);
    expect(pulls()).toBe(1);
  });

  it('never pulls with the policy Never', async () => {
    cri.images.publish('reg.test/app:1');
    expect(await ensure('Never')).toBe('ErrImageNeverPull');
    expect(pulls()).toBe(0);
  });
});
