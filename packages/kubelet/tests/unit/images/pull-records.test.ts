import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import type { Pod } from '@nodeagent/kube-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createPullRecordFiles } from '../../../src/images/adapters/pull-record-files.js';
import type { PullHistory } from '../../../src/images/index.js';
import {
  allowlistProblem,
  needsVerification,
  type VerificationRules,
} from '../../../src/images/plan/pull-verification.js';
import { Images } from '../../../src/images/run/images.js';
import { aPod, MemoryPodEvents } from '../../../src/testing/index.js';

const { signal } = new AbortController();
const IMAGE = 'reg.test/team/app:1';

describe(needsVerification, () => {
  const rows: readonly (readonly [VerificationRules['policy'], string, boolean, boolean])[] = [
    ['NeverVerify', 'reg.test/a', true, false],
    ['NeverVerifyPreloadedImages', 'reg.test/a', false, false],
    ['NeverVerifyPreloadedImages', 'reg.test/a', true, true],
    ['NeverVerifyAllowlistedImages', 'reg.test/free/a', true, false],
    ['NeverVerifyAllowlistedImages', 'docker.io/library/busybox', false, false],
    ['NeverVerifyAllowlistedImages', 'reg.test/freedom', false, true],
    ['AlwaysVerify', 'reg.test/free/a', false, true],
  ];
  const allowlist = ['reg.test/free/*', 'docker.io/library/busybox'];
  it.each(rows)(
    '%s with %s, pulled by the kubelet: %s, needs verification: %s',
    (policy, repository, pulledByKubelet, want) => {
      expect(needsVerification({ policy, allowlist }, { repository, pulledByKubelet })).toBe(want);
    },
  );
});

describe(allowlistProblem, () => {
  it.each([
    ['reg.test/a', undefined],
    ['reg.test/*', undefined],
    ['reg.test:5000/a/b', undefined],
    [' reg.test/a', /spaces/],
    ['/*', /registry hostname/],
    ['reg.*/a', /wildcard/],
    ['reg.test/a:1', /without tag/],
    ['busybox', /full name/],
    ['Reg/ A', /failed to parse/],
  ])('%j', (pattern, want) => {
    if (want === undefined) expect(allowlistProblem(pattern)).toBeUndefined();
    else expect(allowlistProblem(pattern)).toMatch(want);
  });
});

describe('images of a private registry', () => {
  let rootDir: string;
  let cri: MemoryRuntime;
  let events: MemoryPodEvents;
  let history: PullHistory;
  const clock = new ManualClock();
  beforeEach(async () => {
    rootDir = await mkdtemp(join(tmpdir(), 'records-'));
    cri = new MemoryRuntime({ clock });
    events = new MemoryPodEvents();
  });
  afterEach(() => rm(rootDir, { recursive: true }));

  /** A secret for each pod; it contains one password and is named after it. */
  const credentials = {
    forImage: async (pod: Pod) =>
      (pod.spec?.imagePullSecrets ?? []).map(({ name = '' }) => ({
        auth: { username: 'u', password: name.replace(/-copy$/, '') },
        secret: { uid: `uid-${name}`, namespace: 'default', name },
      })),
  };
  const create = (policy: VerificationRules['policy'] = 'NeverVerifyPreloadedImages') =>
    new Images(
      {
        images: cri.images,
        credentials,
        events,
        clock,
        log: new MemoryLogger(),
        records: createPullRecordFiles(rootDir),
        onRecords: (given) => {
          history = given;
        },
      },
      { concurrency: undefined, qps: 0, burst: 0, verification: { policy, allowlist: [] } },
    );
  const sandbox = { metadata: { name: 'web', namespace: 'default', uid: 'u', attempt: 0 } };
  const podOf = (...secrets: readonly string[]): Pod =>
    aPod({ imagePullSecrets: secrets.map((name) => ({ name })) });
  const use = (images: Images, pod: Pod, policy = 'IfNotPresent') =>
    images.ensure({ pod, image: IMAGE, policy, container: 'app', sandbox }, signal);
  const pulls = (): number => cri.calls.of('pullImage').length;
  const records = (kind: string): Promise<string[]> =>
    readdir(join(rootDir, 'image_manager', kind));

  it('may be used by pods with the same secret or the same password, also after a restart', async () => {
    cri.images.publish(IMAGE);
    const images = create();
    await use(images, podOf('alpha'));
    expect(pulls()).toBe(1);
    for (const [again, pod, want] of [
      [images, podOf('alpha'), 1],
      [create(), podOf('alpha'), 1],
      [create(), podOf('alpha-copy'), 1],
      [create(), podOf('beta', 'alpha'), 1],
      [create(), podOf('beta'), 2],
      [create(), podOf(), 3],
      [create(), podOf('gamma'), 3], // pulled anonymously: every pod may use the image
    ] as const) {
      await use(again, pod);
      expect(pulls()).toBe(want);
    }
    expect(events.lines).toContainEqual(
      `Normal Pulled web app: Container image "${IMAGE}" already present on machine and can be accessed by the pod`,
    );
    expect(await records('pulling')).toEqual([]);
    const [name = ''] = await records('pulled');
    expect(name).toMatch(/^sha256-[0-9a-f]{64}$/);
    const file = join(rootDir, 'image_manager/pulled', name);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, 'utf8')).not.toContain('alpha"}');
  });

  it('are denied to pods without credentials under the policy Never', async () => {
    cri.images.publish(IMAGE);
    await use(create(), podOf('alpha'));
    await expect(use(create(), podOf(), 'Never')).rejects.toMatchObject({
      reason: 'ErrImageNeverPull',
    });
    await use(create(), podOf('alpha'), 'Never');
    expect(pulls()).toBe(1);
  });

  it.each([
    ['NeverVerifyPreloadedImages', 0],
    ['NeverVerify', 0],
    ['AlwaysVerify', 1],
  ] as const)('preloaded on the node: %s pulls %i times', async (policy, want) => {
    cri.images.publish(IMAGE);
    cri.images.add(IMAGE);
    await use(create(policy), podOf());
    expect(pulls()).toBe(want);
  });

  it('count as pulled when the kubelet died during the pull', async () => {
    cri.images.publish(IMAGE);
    const dead = createPullRecordFiles(rootDir);
    const intent = { kind: 'ImagePullIntent', apiVersion: 'kubelet.config.k8s.io/v1alpha1' };
    await dead.write('pulling', IMAGE, JSON.stringify({ ...intent, image: IMAGE }));
    cri.images.add(IMAGE);
    await use(create(), podOf('alpha'));
    expect(pulls()).toBe(1);
    expect(await records('pulling')).toEqual([]);
    await use(create(), podOf('alpha'));
    expect(pulls()).toBe(1);
  });

  it('are pulled again when their record is damaged', async () => {
    cri.images.publish(IMAGE);
    await use(create(), podOf('alpha'));
    const [name = ''] = await records('pulled');
    await writeFile(join(rootDir, 'image_manager/pulled', name), '{"kind":"Ima');
    await use(create(), podOf('alpha'));
    expect(pulls()).toBe(2);
    await use(create(), podOf('alpha'));
    expect(pulls()).toBe(2);
  });

  it('lose their record when they are gone, and only then', async () => {
    cri.images.publish(IMAGE);
    await use(create(), podOf('alpha'));
    await history.prune(signal);
    expect(await records('pulled')).toHaveLength(1);
    await cri.images.removeImage({ image: IMAGE }, signal);
    await history.prune(signal);
    expect(await records('pulled')).toEqual([]);
  });

  it('tell how long they have been there at least, also after a restart', async () => {
    const { id } = cri.images.publish(IMAGE);
    await use(create(), podOf('alpha'));
    await clock.advance(60_000);
    create();
    expect([...(await history.agesMs()).values()]).toEqual([60_000]);
    const [file = ''] = await records('pulled');
    const path = join(rootDir, 'image_manager/pulled', file);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/"lastUpdatedTime":"[^"]*"/, '"lastUpdatedTime":"soon"'));
    expect(await history.agesMs()).toEqual(new Map([[id, 0]]));
    await writeFile(path, text.replace(/"lastUpdatedTime":"..../, '"lastUpdatedTime":"2999'));
    expect(await history.agesMs()).toEqual(new Map([[id, 0]]));
  });

  it('leave no intent behind after a failed pull', async () => {
    await expect(use(create(), podOf())).rejects.toMatchObject({ reason: 'ErrImagePull' });
    expect(await records('pulling')).toEqual([]);
  });

  it('are not pulled when the intent cannot be written', async () => {
    cri.images.publish(IMAGE);
    await writeFile(join(rootDir, 'image_manager'), 'in the way');
    await expect(use(create(), podOf())).rejects.toMatchObject({
      reason: 'ErrImagePull',
      message: expect.stringMatching(
        /^Failed to record image pull intent .*"reg.test.*ENOTDIR/,
      ) as string,
    });
    expect(pulls()).toBe(0);
  });
});
