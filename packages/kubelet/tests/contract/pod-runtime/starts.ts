import { isCriError } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';
import { expect, it } from 'vitest';

import { containerSpecHash, findContainer, isStartError } from '../../../src/pod/index.js';
import { type Name, NOWHERE, type World } from './world.js';

export function containerRules(get: () => World): void {
  it('runs, as it was asked for, when startContainer resolves', async () => {
    const world = get();
    const pod = world.pod();
    const sandboxId = await world.sandbox(pod);
    const id = await world.start(pod, sandboxId, { restartCount: 4 });
    const found = await world.container(pod, id);
    const spec = findContainer(pod, 'told')!.spec;
    expect(found).toMatchObject({
      id,
      sandboxId,
      name: 'told',
      restartCount: 4,
      specHash: containerSpecHash(spec),
      image: spec.image,
      state: { kind: 'running' },
    });
    expect(found?.imageRef).not.toBe('');
    expect(found?.runtimeName).not.toBe('');
  });

  it('that ends by itself leaves its exit code, a reason and its message', async () => {
    const world = get();
    const { pod, id } = await world.running();
    await world.scene.end(id, { exitCode: 5, message: 'last words' });
    expect(await world.ended(pod, id)).toMatchObject({
      ...{ kind: 'exited', exitCode: 5, reason: 'Error', message: 'last words' },
    });
  });

  it.each([
    ['task', 7, 'Error'],
    ['success', 0, 'Completed'],
  ] as const)('that ends at once has ended: %s', async (program, exitCode, reason) => {
    const world = get();
    const pod = world.pod([program]);
    const id = await world.start(pod, await world.sandbox(pod));
    expect(await world.ended(pod, id)).toMatchObject({ kind: 'exited', exitCode, reason });
  });

  it('that has ended stays as it ended, whatever comes after', async () => {
    const world = get();
    const { pod, sandboxId, id } = await world.running();
    await world.stop(pod, id);
    const end = await world.state(pod, id);
    expect(end).toMatchObject({ kind: 'exited', exitCode: 3 });
    await world.stop(pod, id, { graceSeconds: 0 });
    await world.scene.runtime.stopSandbox(sandboxId, world.signal);
    expect(await world.state(pod, id)).toEqual(end);
    await world.scene.runtime.removeSandbox(sandboxId, world.signal);
    expect(await world.state(pod, id)).toBeUndefined();
  });

  it('is removed while it runs, and once more without harm', async () => {
    const world = get();
    const { pod, ids } = await world.running(['stubborn', 'told']);
    const [stubborn = '', told = ''] = ids;
    for (let i = 0; i < 2; i += 1) {
      await world.scene.runtime.removeContainer(stubborn, 'remove', world.signal);
    }
    expect(await world.state(pod, stubborn)).toBeUndefined();
    expect(await world.state(pod, told)).toMatchObject({ kind: 'running' });
    await world.scene.runtime.removeContainer(NOWHERE, 'remove', world.signal);
  });
}

export function refusalRules(get: () => World): void {
  const refused = async (program: Name): Promise<Readonly<{ pod: Pod; error: unknown }>> => {
    const world = get();
    const pod = world.pod([program]);
    const sandboxId = await world.sandbox(pod);
    const error = await world.start(pod, sandboxId).catch((cause: unknown) => cause);
    expect(isStartError(error)).toBe(true);
    return { pod, error };
  };

  it('for want of its image makes nothing', async () => {
    const { pod, error } = await refused('imageless');
    expect(error).toMatchObject({ reason: 'ErrImageNeverPull' });
    expect((await get().observe(pod)).containers).toEqual([]);
  });

  it('by its program leaves a container that never ran', async () => {
    const { pod, error } = await refused('missing');
    expect(error).toMatchObject({ reason: 'RunContainerError' });
    const { containers } = await get().observe(pod);
    expect(containers).toMatchObject([
      { name: 'missing', state: { kind: 'exited', exitCode: 128, reason: 'StartError' } },
    ]);
    await get().stop(pod, containers[0]?.id ?? '', { graceSeconds: 86_400 });
  });

  it('by its postStart hook stops the container', async () => {
    const { pod, error } = await refused('hooked');
    expect(error).toMatchObject({ reason: 'PostStartHookError' });
    const { containers } = await get().observe(pod);
    expect(containers).toMatchObject([{ name: 'hooked', state: { kind: 'exited' } }]);
  });

  it('as the spec has no such container makes nothing', async () => {
    const world = get();
    const pod = world.pod();
    const sandboxId = await world.sandbox(pod);
    await expect(world.start(pod, sandboxId, { name: 'other' })).rejects.toMatchObject({
      ...{ name: 'StartError', reason: 'CreateContainerConfigError' },
    });
    expect((await world.observe(pod)).containers).toEqual([]);
  });

  it('for want of its sandbox runs nothing', async () => {
    const world = get();
    const pod = world.pod();
    const sandboxId = await world.sandbox(pod);
    await expect(world.start(pod, NOWHERE)).rejects.toSatisfy((error) =>
      isCriError(error, 'CRI_NOT_FOUND'),
    );
    await world.scene.runtime.stopSandbox(sandboxId, world.signal);
    // containerd refuses to create the container, from 2.0 on to start it
    await expect(world.start(pod, sandboxId)).rejects.toMatchObject({
      name: 'StartError',
      reason: expect.stringMatching(/^(Create|Run)ContainerError$/) as string,
    });
    const { containers } = await world.observe(pod);
    expect(containers.map(({ state }) => state.kind)).not.toContain('running');
  });

  it('as its restart count is taken makes nothing', async () => {
    const world = get();
    const pod = world.pod();
    const sandboxId = await world.sandbox(pod);
    const id = await world.start(pod, sandboxId, { restartCount: 1 });
    const refusal = { name: 'StartError', reason: 'CreateContainerError' };
    const again = world.start(pod, sandboxId, { restartCount: 1 });
    await expect(again).rejects.toMatchObject(refusal);
    await world.scene.runtime.stopSandbox(sandboxId, world.signal);
    const next = await world.sandbox(pod, 1);
    const inNext = world.start(pod, next, { restartCount: 1 });
    await expect(inNext).rejects.toMatchObject(refusal);
    expect((await world.observe(pod)).containers.map((each) => each.id)).toEqual([id]);
  });

  it('by a signal that has fired rejects with its reason and makes nothing', async () => {
    const world = get();
    const pod = world.pod();
    const reason = new Error('not wanted any more');
    const aborted = AbortSignal.abort(reason);
    await expect(world.scene.runtime.createSandbox(pod, 0, aborted)).rejects.toBe(reason);
    const sandboxId = await world.sandbox(pod);
    const request = { pod, sandboxId, podIps: [], name: 'told', restartCount: 0 };
    await expect(
      world.scene.runtime.startContainer({ ...request, role: 'regular' }, aborted),
    ).rejects.toBe(reason);
    expect((await world.observe(pod)).containers).toEqual([]);
  });
}

/** Other events may come between: of images. */
export function eventRules(get: () => World): void {
  const ofContainers = (pod: Pod): readonly string[] => {
    const known = new Set(['Created', 'Started', 'Killing', 'Failed', 'FailedPostStartHook']);
    return get()
      .scene.reasons(pod)
      .filter((reason) => known.has(reason));
  };

  it('is told of a start and of a stop', async () => {
    const { pod, id } = await get().running();
    expect(ofContainers(pod)).toEqual(['Created', 'Started']);
    await get().stop(pod, id);
    expect(ofContainers(pod)).toEqual(['Created', 'Started', 'Killing']);
  });

  it.each([
    ['imageless', ['Failed']],
    ['missing', ['Created', 'Failed']],
    ['hooked', ['Created', 'Started', 'Killing', 'FailedPostStartHook']],
  ] as const)('is told of a start that fails: %s', async (program, reasons) => {
    const world = get();
    const pod = world.pod([program]);
    await expect(world.start(pod, await world.sandbox(pod))).rejects.toThrow();
    expect(ofContainers(pod)).toEqual(reasons);
  });

  it('is told nothing of a start that the spec does not ask for', async () => {
    const world = get();
    const pod = world.pod();
    const sandboxId = await world.sandbox(pod);
    await expect(world.start(pod, sandboxId, { name: 'other' })).rejects.toThrow();
    expect(ofContainers(pod)).toEqual([]);
  });

  it('is told nothing of the stop of a container whose pod is not known', async () => {
    const { pod, id } = await get().running();
    await get().stop(pod, id, { pod: undefined });
    expect(ofContainers(pod)).toEqual(['Created', 'Started']);
  });
}
