import { expect, it } from 'vitest';

import { podUid } from '../../../src/pod/index.js';
import { NOWHERE, type World } from './world.js';

const NEVER = new Promise<void>(() => undefined);

export function sandboxRules(get: () => World): void {
  it('is ready and has its addresses when createSandbox resolves', async () => {
    const world = get();
    const pod = world.pod();
    const id = await world.sandbox(pod, 2);
    const { sandboxes, containers, podIps } = await world.observe(pod);
    expect(sandboxes).toEqual([
      expect.objectContaining({ id, attempt: 2, ready: true, network: 'pod', ips: podIps }),
    ]);
    expect(podIps[0]).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(containers).toEqual([]);
  });

  it('has no addresses of its own on the network of the host', async () => {
    const world = get();
    const pod = world.pod([], { hostNetwork: true });
    await world.sandbox(pod);
    const { sandboxes, podIps } = await world.observe(pod);
    expect(sandboxes).toMatchObject([{ ready: true, network: 'node', ips: [] }]);
    expect(podIps).toEqual([]);
  });

  it('is refused where there is one of its attempt, whatever the state of that', async () => {
    const world = get();
    const pod = world.pod();
    const id = await world.sandbox(pod);
    const refused = { name: 'StartError', reason: 'CreatePodSandboxError' };
    await expect(world.sandbox(pod)).rejects.toMatchObject(refused);
    await world.scene.runtime.stopSandbox(id, world.signal);
    await expect(world.sandbox(pod)).rejects.toMatchObject(refused);
    expect((await world.observe(pod)).sandboxes.map((each) => each.id)).toEqual([id]);
  });

  it('of a further attempt comes first and gives the pod its addresses', async () => {
    const world = get();
    const pod = world.pod();
    const first = await world.sandbox(pod);
    await world.scene.runtime.stopSandbox(first, world.signal);
    const second = await world.sandbox(pod, 1);
    const { sandboxes, podIps } = await world.observe(pod);
    expect(sandboxes.map(({ id, ready }) => ({ id, ready }))).toEqual([
      { id: second, ready: true },
      { id: first, ready: false },
    ]);
    expect(podIps).toEqual(sandboxes[0]?.ips);
  });

  it('has no addresses after its stop, which kills what runs in it', async () => {
    const world = get();
    const { pod, sandboxId, ids } = await world.running(['told', 'stubborn']);
    for (let i = 0; i < 2; i += 1) await world.scene.runtime.stopSandbox(sandboxId, world.signal);
    const { sandboxes, podIps } = await world.observe(pod);
    expect(sandboxes).toMatchObject([{ id: sandboxId, ready: false, ips: [] }]);
    expect(podIps).toEqual([]);
    for (const id of ids) {
      expect(await world.state(pod, id)).toMatchObject({
        kind: 'exited',
        exitCode: 137,
        reason: 'Error',
      });
    }
  });

  it('takes all that is in it along when it is removed, also while that runs', async () => {
    const world = get();
    const { pod, sandboxId } = await world.running(['told', 'stubborn']);
    for (let i = 0; i < 2; i += 1) await world.scene.runtime.removeSandbox(sandboxId, world.signal);
    expect(await world.observe(pod)).toMatchObject({ sandboxes: [], containers: [], podIps: [] });
    expect(await world.scene.view.listPods(world.signal)).not.toContainEqual(
      expect.objectContaining({ uid: podUid(pod) }),
    );
  });

  it('that is unknown is stopped and removed without harm', async () => {
    const { scene, signal } = get();
    await scene.runtime.stopSandbox(NOWHERE, signal);
    await scene.runtime.removeSandbox(NOWHERE, signal);
  });

  it.each([
    [true, 'exited'],
    [false, 'running'],
  ] as const)(
    'whose process is killed is not ready; containers that share its processes end: %s',
    async (shareProcessNamespace, kind) => {
      const world = get();
      const { pod, sandboxId, id } = await world.running(['told'], { shareProcessNamespace });
      await world.scene.killSandbox(sandboxId);
      await world.told(async () => (await world.observe(pod)).sandboxes[0]?.ready === false);
      if (kind === 'exited') await world.ended(pod, id);
      const { sandboxes, podIps } = await world.observe(pod);
      expect(sandboxes[0]?.ips).not.toEqual([]);
      expect(podIps).toEqual([]);
      expect(await world.state(pod, id)).toMatchObject({ kind });
      await world.scene.runtime.stopSandbox(sandboxId, world.signal);
      expect(await world.state(pod, id)).toMatchObject({ kind: 'exited', exitCode: 137 });
      expect((await world.observe(pod)).sandboxes[0]?.ips).toEqual([]);
    },
  );
}

export function stopRules(get: () => World): void {
  it('lets a container end in its own way within the grace period', async () => {
    const world = get();
    const { pod, id } = await world.running();
    await world.stop(pod, id);
    expect(await world.state(pod, id)).toMatchObject({
      kind: 'exited',
      exitCode: 3,
      reason: 'Error',
    });
  });

  it('kills a container that outlives its grace period', async () => {
    const world = get();
    const { pod, id } = await world.running(['stubborn']);
    await world.stop(pod, id, { graceSeconds: 1 });
    expect(await world.state(pod, id)).toMatchObject({
      kind: 'exited',
      exitCode: 137,
      reason: 'Error',
    });
  });

  it('of a container that has ended, or is unknown, is over at once', async () => {
    const world = get();
    const { pod, id } = await world.running(['stubborn']);
    await world.scene.runtime.removeContainer(id, 'remove', world.signal);
    await world.stop(pod, id, { graceSeconds: 86_400 });
    await world.stop(pod, NOWHERE, { graceSeconds: 86_400 });
    const task = world.pod(['task']);
    const ended = await world.start(task, await world.sandbox(task));
    await world.ended(task, ended);
    await world.stop(task, ended, { graceSeconds: 86_400 });
  });

  it('ends with its container, though the grace period does not', async () => {
    const world = get();
    const { pod, sandboxId, id } = await world.running(['stubborn']);
    const stopping = world.stop(pod, id, { graceSeconds: 86_400 });
    await world.scene.runtime.stopSandbox(sandboxId, world.signal);
    await stopping;
    expect(await world.state(pod, id)).toMatchObject({ kind: 'exited', exitCode: 137 });
  });

  it('waits for its turn before it asks the container to end', async () => {
    const world = get();
    const { pod, sandboxId, id } = await world.running(['told', 'stubborn']);
    const turn = Promise.withResolvers<undefined>();
    const stopping = world.stop(pod, id, { turn: turn.promise });
    const task = {
      ...pod,
      spec: { ...pod.spec!, containers: world.pod(['task']).spec!.containers },
    };
    await world.ended(pod, await world.start(task, sandboxId));
    expect(await world.state(pod, id)).toMatchObject({ kind: 'running' });
    turn.resolve(undefined);
    await stopping;
    expect(await world.state(pod, id)).toMatchObject({ kind: 'exited', exitCode: 3 });
  });

  it('waits for its turn no longer than the grace period', async () => {
    const world = get();
    const { pod, id } = await world.running();
    await world.stop(pod, id, { graceSeconds: 1, turn: NEVER });
    expect(await world.state(pod, id)).toMatchObject({ kind: 'exited', exitCode: 3 });
  });

  it('waits for a preStop hook no longer than the grace period', async () => {
    const world = get();
    const pod = world.pod();
    pod.spec!.containers[0]!.lifecycle = { preStop: { sleep: { seconds: 86_400 } } };
    const id = await world.start(pod, await world.sandbox(pod));
    await world.scene.listens(id);
    await world.stop(pod, id, { graceSeconds: 1, preStop: true });
    expect(await world.state(pod, id)).toMatchObject({ kind: 'exited', exitCode: 3 });
  });

  it('that is given up leaves the container to the next, with less grace', async () => {
    const world = get();
    const { pod, id } = await world.running(['stubborn']);
    const end = new AbortController();
    const reason = new Error('deleted again');
    const request = {
      ...{ containerId: id, name: 'stubborn', pod, preStop: false, why: 'test' },
      graceSeconds: 86_400,
    };
    const first = world.scene.runtime.stopContainer(request, end.signal);
    const failed = expect(first).rejects.toBe(reason);
    const task = world.pod(['task']);
    await world.ended(task, await world.start(task, await world.sandbox(task)));
    end.abort(reason);
    await failed;
    expect(await world.state(pod, id)).toMatchObject({ kind: 'running' });
    await world.stop(pod, id, { graceSeconds: 1 });
    expect(await world.state(pod, id)).toMatchObject({ kind: 'exited', exitCode: 137 });
  });
}
