import { readFile } from 'node:fs/promises';

import { type Pod, PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { isReady, mainContainer, useCluster } from './fixture.ts';
import { deletePod, isGone, waitForEvent } from './pods.ts';
import { type PoisonedApi, startPoisonedApi } from './poisoned-api.ts';

const e2e = useCluster();
let api: PoisonedApi;
let steady: Pod;
let logged: number;

beforeAll(async () => {
  await e2e.createPod({ name: 'steady', container: {} });
  steady = await e2e.waitForPod('steady', 'to be ready', isReady);
  api = await startPoisonedApi(e2e);
  api.list(poisoned('listed'));
  logged = (await readFile(e2e.cluster.kubelet.logFile, 'utf8')).length;
  await e2e.cluster.kubelet.start();
});
afterAll(() => api.stop());

/** Its containers are no list: whoever reads it as a pod throws. */
function poisoned(name: string, more: object = {}): object {
  const { namespace } = e2e;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, uid: `of-${name}`, ...more },
    spec: { nodeName: e2e.cluster.nodeName, containers: 7, volumes: { a: null } },
  };
}

/** Lines of the kubelet's log about an object that it cannot use, since it was started again. */
async function linesAbout(name: string): Promise<readonly string[]> {
  const log = (await readFile(e2e.cluster.kubelet.logFile, 'utf8')).slice(logged);
  return log.split('\n').filter((line) => line.includes(name) && line.includes('expected array'));
}

async function untilToldOnce(name: string): Promise<void> {
  const lines = await waitFor(
    async () => {
      const found = await linesAbout(name);
      return found.length > 0 ? found : undefined;
    },
    { what: `a line about ${name}` },
  );
  expect(lines).toHaveLength(1);
  for (const word of ['Pod', e2e.namespace, 'spec.containers']) expect(lines[0]).toContain(word);
}

describe('a pod that nobody can read', () => {
  it('costs a line and an event when it is in the list, and other pods start and run on', async () => {
    await e2e.createPod({ name: 'after', container: {} });
    await e2e.waitForPod('after', 'to be ready', isReady);
    await untilToldOnce('listed');
    const message = 'spec.containers: expected array';
    await waitForEvent(e2e, 'listed', { reason: 'FailedToReadPod', message });
    expect(mainContainer(await e2e.getPod('steady'))).toEqual(mainContainer(steady));
  });

  it('costs the same when a watch tells of it, and the watch goes on', async () => {
    expect(api.tell('ADDED', poisoned('told'))).toBe(1);
    await untilToldOnce('told');
    await e2e.createPod({ name: 'later', container: {} });
    await e2e.waitForPod('later', 'to be ready', isReady);
    e2e.cluster.assertRunning();
  });

  it('stays as it was last readable, and can be deleted', async () => {
    const metadata = (await e2e.getPod('steady')).metadata ?? {};
    expect(api.tell('MODIFIED', poisoned('steady', metadata))).toBe(1);
    await untilToldOnce('steady');
    await e2e.client.patch(
      PODS,
      { namespace: e2e.namespace, name: 'later' },
      { type: 'merge', body: { metadata: { labels: { seen: 'yes' } } } },
      new AbortController().signal,
    );
    expect(mainContainer(await e2e.getPod('steady'))).toEqual(mainContainer(steady));
    await deletePod(e2e, 'steady');
    await waitFor(() => isGone(e2e, 'steady'), { what: 'the pod to be gone' });
    e2e.cluster.assertRunning();
  });
});
