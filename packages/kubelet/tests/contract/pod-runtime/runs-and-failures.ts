import { expect, it } from 'vitest';

import { type World } from './world.js';

export function runRules(get: () => World): void {
  it('comes before those that it follows, and has a log of its own', async () => {
    const world = get();
    const { pod, sandboxId, id } = await world.running();
    await world.stop(pod, id);
    const next = await world.start(pod, sandboxId, { restartCount: 1 });
    await world.scene.listens(next);
    const { containers } = await world.observe(pod);
    expect(containers.map((each) => [each.id, each.restartCount, each.state.kind])).toEqual([
      [next, 1, 'running'],
      [id, 0, 'exited'],
    ]);
    expect(await world.scene.logs(pod)).toEqual(['told/0.log', 'told/1.log']);
  });

  it('takes its log along when it is removed, unless that is kept', async () => {
    const world = get();
    const { pod, sandboxId, ids } = await world.running(['told', 'stubborn']);
    const [told = '', stubborn = ''] = ids;
    await world.scene.runtime.removeContainer(told, 'keep', world.signal);
    await world.scene.runtime.removeContainer(stubborn, 'remove', world.signal);
    expect(await world.scene.logs(pod)).toEqual(['told/0.log']);
    await world.scene.runtime.removeSandbox(sandboxId, world.signal);
    expect(await world.scene.logs(pod)).toEqual(['told/0.log']);
  });

  it('counts on from the logs of those that the runtime has forgotten', async () => {
    const world = get();
    const { pod, sandboxId, id } = await world.running();
    await world.scene.runtime.removeContainer(id, 'keep', world.signal);
    const next = await world.start(pod, sandboxId);
    await world.scene.listens(next);
    expect(await world.container(pod, next)).toMatchObject({ restartCount: 1 });
    expect(await world.scene.logs(pod)).toEqual(['told/0.log', 'told/1.log']);
  });
}

export function failureRules(get: () => World): void {
  it('to make a sandbox makes none', async () => {
    const world = get();
    const pod = world.pod();
    world.scene.fail('create-sandbox', 'before');
    await expect(world.sandbox(pod)).rejects.toMatchObject({ name: 'StartError' });
    expect((await world.observe(pod)).sandboxes).toEqual([]);
    await world.sandbox(pod);
  });

  it('to answer that a sandbox was made leaves one to be seen', async () => {
    const world = get();
    const pod = world.pod();
    world.scene.fail('create-sandbox', 'after');
    await expect(world.sandbox(pod)).rejects.toMatchObject({ name: 'StartError' });
    const { sandboxes } = await world.observe(pod);
    expect(sandboxes).toMatchObject([{ attempt: 0, ready: true }]);
    await expect(world.sandbox(pod)).rejects.toMatchObject({ name: 'StartError' });
    await world.scene.runtime.removeSandbox(sandboxes[0]?.id ?? '', world.signal);
    await world.sandbox(pod);
  });

  it.each([
    ['create-container', 'before', 'CreateContainerError', []],
    ['create-container', 'after', 'CreateContainerError', ['created']],
    ['start-container', 'before', 'RunContainerError', ['created']],
    ['start-container', 'after', 'RunContainerError', ['running']],
  ] as const)('in a start leaves what was done: %s, %s', async (step, when, reason, left) => {
    const world = get();
    const pod = world.pod();
    const sandboxId = await world.sandbox(pod);
    world.scene.fail(step, when);
    await expect(world.start(pod, sandboxId)).rejects.toMatchObject({ reason });
    const { containers } = await world.observe(pod);
    expect(containers.map(({ state }) => state.kind)).toEqual(left);
    const next = await world.start(pod, sandboxId, { restartCount: 1 });
    expect(await world.state(pod, next)).toMatchObject({ kind: 'running' });
    for (const { id } of containers) {
      await world.stop(pod, id, { graceSeconds: 1 });
      await world.scene.runtime.removeContainer(id, 'remove', world.signal);
    }
    const after = (await world.observe(pod)).containers;
    expect(after.map(({ id }) => id)).toEqual([next]);
  });

  it.each([
    ['before', 'running'],
    ['after', 'exited'],
  ] as const)('to stop a container leaves what was done: %s', async (when, left) => {
    const world = get();
    const { pod, id } = await world.running();
    world.scene.fail('stop-container', when);
    await expect(world.stop(pod, id)).rejects.toThrow();
    expect(await world.state(pod, id)).toMatchObject({ kind: left });
    await world.stop(pod, id);
    expect(await world.state(pod, id)).toMatchObject({ kind: 'exited', exitCode: 3 });
  });

  it.each([
    ['before', 1],
    ['after', 0],
  ] as const)('to remove a container leaves what was done: %s', async (when, left) => {
    const world = get();
    const { pod, id } = await world.running();
    await world.stop(pod, id);
    world.scene.fail('remove-container', when);
    await expect(world.scene.runtime.removeContainer(id, 'remove', world.signal)).rejects.toThrow();
    expect((await world.observe(pod)).containers).toHaveLength(left);
    await world.scene.runtime.removeContainer(id, 'remove', world.signal);
    expect((await world.observe(pod)).containers).toEqual([]);
  });

  it.each([
    ['before', true],
    ['after', false],
  ] as const)('to stop a sandbox leaves what was done: %s', async (when, ready) => {
    const world = get();
    const { pod, sandboxId } = await world.running();
    world.scene.fail('stop-sandbox', when);
    await expect(world.scene.runtime.stopSandbox(sandboxId, world.signal)).rejects.toThrow();
    expect((await world.observe(pod)).sandboxes).toMatchObject([{ ready }]);
    await world.scene.runtime.stopSandbox(sandboxId, world.signal);
    expect((await world.observe(pod)).sandboxes).toMatchObject([{ ready: false }]);
  });

  it.each([
    ['before', 1],
    ['after', 0],
  ] as const)('to remove a sandbox leaves what was done: %s', async (when, left) => {
    const world = get();
    const pod = world.pod();
    const sandboxId = await world.sandbox(pod);
    world.scene.fail('remove-sandbox', when);
    await expect(world.scene.runtime.removeSandbox(sandboxId, world.signal)).rejects.toThrow();
    expect((await world.observe(pod)).sandboxes).toHaveLength(left);
    await world.scene.runtime.removeSandbox(sandboxId, world.signal);
    expect((await world.observe(pod)).sandboxes).toEqual([]);
  });

  it('to observe is not remembered', async () => {
    const world = get();
    const { pod, id, sandboxId } = await world.running();
    await world.observe(pod);
    await world.stop(pod, id);
    world.scene.fail('observe', 'before');
    await expect(world.observe(pod)).rejects.toThrow();
    const { sandboxes, containers } = await world.observe(pod);
    expect(sandboxes).toMatchObject([{ id: sandboxId, ready: true }]);
    expect(containers).toMatchObject([{ id, state: { kind: 'exited', exitCode: 3 } }]);
  });
}
