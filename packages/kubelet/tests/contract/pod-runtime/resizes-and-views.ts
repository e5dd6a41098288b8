import { expect, it } from 'vitest';

import {
  type ContainerAmounts,
  type ContainerObservation,
  podUid,
  resourcesOf,
} from '../../../src/pod/index.js';
import { NOWHERE, type World } from './world.js';

const HAS: ContainerAmounts = {
  ...{ cpuRequestMilli: 100, cpuLimitMilli: 200 },
  ...{ memoryRequestBytes: 32 * 2 ** 20, memoryLimitBytes: 64 * 2 ** 20 },
};
const GROWN: ContainerAmounts = {
  ...{ cpuRequestMilli: 150, cpuLimitMilli: 400 },
  ...{ memoryRequestBytes: 64 * 2 ** 20, memoryLimitBytes: 128 * 2 ** 20 },
};

/** The limits that the runtime reports; containerd 1.6 reports none. */
function limitsOf(container: ContainerObservation | undefined): Partial<ContainerAmounts> {
  const { cpuLimitMilli, memoryLimitBytes } = container?.resources ?? {};
  return {
    ...(cpuLimitMilli !== undefined && { cpuLimitMilli }),
    ...(memoryLimitBytes !== undefined && { memoryLimitBytes }),
  };
}

export function resizeRules(get: () => World): void {
  const started = async () => {
    const world = get();
    const pod = world.pod();
    pod.spec!.containers[0]!.resources = resourcesOf(HAS);
    const sandboxId = await world.sandbox(pod);
    const id = await world.start(pod, sandboxId);
    await world.scene.listens(id);
    expect(HAS).toMatchObject(limitsOf(await world.container(pod, id)));
    const grown = structuredClone(pod);
    grown.spec!.containers[0]!.resources = resourcesOf(GROWN);
    const resize = (of = id): Promise<void> => {
      const change = { id: of, name: 'told', from: HAS, to: GROWN };
      const request = { pod: grown, sandboxId, memory: [change], cpu: [change] };
      return world.scene.runtime.resizePod(request, world.signal);
    };
    return { world, pod, id, resize };
  };

  it('gives a running container other resources, which the view shows where it shows any', async () => {
    const { world, pod, id, resize } = await started();
    await resize();
    const container = await world.container(pod, id);
    expect(GROWN).toMatchObject(limitsOf(container));
    expect(container?.state).toMatchObject({ kind: 'running' });
  });

  it('of an unknown container fails', async () => {
    const { resize } = await started();
    await expect(resize(NOWHERE)).rejects.toThrow();
  });

  it.each([
    ['before', HAS],
    ['after', { ...HAS, memoryLimitBytes: GROWN.memoryLimitBytes }],
  ] as const)('stops at its first failure and leaves what was done: %s', async (when, left) => {
    const { world, pod, id, resize } = await started();
    world.scene.fail('resize', when);
    await expect(resize()).rejects.toThrow();
    expect(left).toMatchObject(limitsOf(await world.container(pod, id)));
    expect(await world.state(pod, id)).toMatchObject({ kind: 'running' });
    await resize();
    expect(GROWN).toMatchObject(limitsOf(await world.container(pod, id)));
  });
}

export function viewRules(get: () => World): void {
  it('shows nothing of a pod that the runtime does not hold', async () => {
    const world = get();
    expect(await world.observe(world.pod())).toMatchObject({
      ...{ sandboxes: [], containers: [], podIps: [] },
    });
  });

  it('reports a pod that changes by itself, and then shows the change', async () => {
    const world = get();
    const { pod, id } = await world.running();
    expect(await world.state(pod, id)).toMatchObject({ kind: 'running' });
    const kinds: (string | undefined)[] = [];
    const { end } = world.follow((uid) => {
      if (uid === podUid(pod)) void world.state(pod, id).then((state) => kinds.push(state?.kind));
    });
    await world.scene.end(id, { exitCode: 1, message: '' });
    await expect.poll(() => kinds).toContain('exited');
    await end();
  });

  it('reports a pod that another client has made', async () => {
    const world = get();
    const pod = world.pod();
    const { reports, end } = world.follow();
    const id = await world.scene.makeSandboxElsewhere(pod);
    await expect.poll(() => reports).toContain(podUid(pod));
    await end();
    expect((await world.observe(pod)).sandboxes).toMatchObject([{ id, ready: true }]);
  });

  it('reports a pod that a step has changed since it was observed', async () => {
    const world = get();
    const { pod, id } = await world.running();
    await world.observe(pod);
    const { reports, end } = world.follow();
    await world.stop(pod, id);
    await expect.poll(() => reports).toContain(podUid(pod));
    await end();
  });

  it('lists the pods of which the runtime holds anything, and whether that runs', async () => {
    const world = get();
    const { pod, sandboxId, id } = await world.running();
    const listed = async (): Promise<unknown> =>
      (await world.scene.view.listPods(world.signal)).find(({ uid }) => uid === podUid(pod));
    const { uid, namespace, name: podName } = pod.metadata!;
    expect(await listed()).toEqual({ uid, namespace, name: podName, running: true });
    await world.stop(pod, id);
    expect(await listed()).toMatchObject({ running: true });
    await world.scene.runtime.stopSandbox(sandboxId, world.signal);
    expect(await listed()).toMatchObject({ running: false });
    await world.scene.runtime.removeContainer(id, 'remove', world.signal);
    expect(await listed()).toMatchObject({ running: false });
    await world.scene.runtime.removeSandbox(sandboxId, world.signal);
    expect(await listed()).toBeUndefined();
  });

  it('is well while it follows the runtime', async () => {
    const world = get();
    await world.told(async () => world.scene.view.unhealthyReason() === undefined);
  });
}
