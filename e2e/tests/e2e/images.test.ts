import { PODS } from '@nodeagent/kube-client';
import {
  buildImage,
  buildTestImage,
  busyboxFiles,
  type Registry,
  startRegistry,
} from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';
import { aScript, createPod, isRunning, SERVES, statusOf, waitForEvent } from './pods.ts';

const e2e = useCluster({}, { images: ['busybox'], imageRelay: true });
const never = new AbortController().signal;
let registry: Registry;

beforeAll(async () => {
  registry = await startRegistry({ space: e2e.cluster.space });
});
afterAll(() => registry.stop());

/** @returns the image's name in the registry */
async function publish(name: string): Promise<string> {
  const files = [...(await busyboxFiles()), { path: '/name', content: name }]; // a unique image id
  return registry.push(
    await buildImage({ name: `nodeagent.test/${name}:1`, files, entrypoint: [] }),
  );
}

interface Trouble {
  readonly reason: string;
  readonly message: string | RegExp;
}

/** Expects the status that users see of a waiting container, now and later. */
async function expectWaiting(name: string, { reason, message }: Trouble): Promise<void> {
  const is = (wanted: string) => `to wait for its image: ${wanted}`;
  const pod = await e2e.waitForPod(name, is(reason), (seen) => {
    return statusOf(seen, 'app')?.state?.waiting?.reason === reason;
  });
  const { state, ready, started, restartCount, imageID } = statusOf(pod, 'app') ?? {};
  const words = typeof message === 'string' ? message : expect.stringMatching(message);
  expect(state?.waiting).toEqual({ reason, message: words });
  expect({ ready, started, restartCount, imageID }).toEqual({
    ready: false,
    started: false,
    restartCount: 0,
    imageID: '',
  });
  expect(pod.status?.phase).toBe('Pending');
}

/** Expects that only the image was missing: the container starts, once. */
async function expectRecovery(name: string): Promise<void> {
  const pod = await e2e.waitForPod(name, 'to run', isRunning('app'));
  expect(statusOf(pod, 'app')?.restartCount).toBe(0);
}

async function run(name: string, image: string, imagePullPolicy = 'IfNotPresent'): Promise<void> {
  await createPod(e2e, name, { containers: [aScript('app', SERVES, { image, imagePullPolicy })] });
}

const quoted = (text: string): string => JSON.stringify(text);

describe('a pull that the runtime gives up', () => {
  const rows = [
    ['RegistryUnavailable', ': 503 from https://registry', 'the registry is unavailable'],
    ['SignatureValidationFailed', ': no “signature”\nof ours', 'the signature validation failed'],
  ] as const;
  it.each(rows)('as %s is reported as such and retried', async (reason, rest, why) => {
    const name = reason.toLowerCase();
    const image = await publish(name);
    const about = { method: 'PullImage', about: image };
    const mend = e2e.cluster.imageRelay!.fail({ ...about, message: reason + rest });
    await run(name, image);
    const message = `image pull failed for ${image} because ${why}${rest}`;
    await expectWaiting(name, { reason, message });
    const failed = `Failed to pull image ${quoted(image)}: ${message}`;
    await waitForEvent(e2e, name, { reason: 'Failed', message: failed });
    await waitForEvent(e2e, name, { reason: 'Failed', message: `Error: ${reason}` });
    const backOff = `Back-off pulling image ${quoted(image)}`;
    await expectWaiting(name, {
      reason: 'ImagePullBackOff',
      message: `${backOff}: ${reason}: ${message}`,
    });
    await waitForEvent(e2e, name, { reason: 'BackOff', message: backOff });
    mend();
    await expectRecovery(name);
  });
});

describe('an image', () => {
  it('that cannot be inspected is retried: ImageInspectError', async () => {
    const image = await publish('opaque');
    const mend = e2e.cluster.imageRelay!.fail({
      method: 'ImageStatus',
      about: image,
      message: 'the store is broken',
    });
    await run('opaque', image);
    const message = `Failed to inspect image ${quoted(image)}: the store is broken`;
    await expectWaiting('opaque', { reason: 'ImageInspectError', message });
    await waitForEvent(e2e, 'opaque', { reason: 'InspectFailed', message });
    await waitForEvent(e2e, 'opaque', { reason: 'Failed', message: 'Error: ImageInspectError' });
    mend();
    await expectRecovery('opaque');
  });

  it('that must not be pulled keeps its pod waiting: ErrImageNeverPull', async () => {
    const { name: image, file } = await buildTestImage('web');
    await run('never', image, 'Never');
    const message = `Container image ${quoted(image)} is not present with pull policy of Never`;
    await expectWaiting('never', { reason: 'ErrImageNeverPull', message });
    await waitForEvent(e2e, 'never', { reason: 'ErrImageNeverPull', message });
    await waitForEvent(e2e, 'never', { reason: 'Failed', message: 'Error: ErrImageNeverPull' });
    await e2e.cluster.containerd.importImage(file, image);
    await expectRecovery('never');
  });

  it('with an invalid name waits for a valid one: InvalidImageName', async () => {
    const image = 'Registry/UPPER:1';
    await run('misnamed', image);
    const message =
      `Failed to apply default image tag ${quoted(image)}: ` +
      `couldn't parse image name ${quoted(image)}: `;
    const trouble = { reason: 'InvalidImageName', message: new RegExp(`^${message}`) };
    await expectWaiting('misnamed', trouble);
    await waitForEvent(e2e, 'misnamed', { reason: 'InspectFailed', message });
    await waitForEvent(e2e, 'misnamed', { reason: 'Failed', message: 'Error: InvalidImageName' });
    const body = { spec: { containers: [{ name: 'app', image: 'nodeagent.test/busybox:1' }] } };
    const patch = { type: 'strategic-merge', body } as const;
    const name = { namespace: e2e.namespace, name: 'misnamed' };
    await e2e.client.patch(PODS, name, patch, never);
    await expectRecovery('misnamed');
  });
});
