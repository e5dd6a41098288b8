import { ManualClock } from '@nodeagent/base/testing';
import { describe, expect, it } from 'vitest';

import type { ContainerEvent, ContainerId, SandboxId } from '../../../src/index.js';
import { MemoryRuntime, type OptionalCall } from '../../../src/testing/index.js';

const { signal } = new AbortController();
const sandboxConfig = { metadata: { name: 'p', uid: 'u', namespace: 'ns', attempt: 0 } };

function setUp(lacks: readonly OptionalCall[] = []) {
  const clock = new ManualClock();
  const cri = new MemoryRuntime({ clock, lacks });
  cri.images.add('app:1');
  const sandbox = (): Promise<SandboxId> => cri.runPodSandbox({ config: sandboxConfig }, signal);
  const start = async (sandboxId: SandboxId, name = 'app'): Promise<ContainerId> => {
    const config = { metadata: { name, attempt: 0 }, image: { image: 'app:1' } };
    const id = await cri.createContainer({ sandboxId, config, sandboxConfig }, signal);
    await cri.startContainer(id, signal);
    return id;
  };
  const stateOf = async (id: ContainerId) => (await cri.containerStatus(id, signal)).state;
  return { clock, cri, sandbox, start, stateOf };
}

describe(MemoryRuntime, () => {
  it('ends a program on its own clock', async () => {
    const { clock, cri, sandbox, start, stateOf } = setUp();
    cri.program('app', { runsMs: 5000, exit: { exitCode: 2, message: 'no config' } });
    const id = await start(await sandbox());
    await clock.advance(4999);
    expect(await stateOf(id)).toBe('running');
    await clock.advance(1);
    expect(await cri.containerStatus(id, signal)).toMatchObject({
      state: 'exited',
      exitCode: 2,
      reason: 'Error',
      message: 'no config',
      finishedAtMs: clock.nowMs(),
    });
  });

  it('kills at the end of the grace period', async () => {
    const { clock, cri, sandbox, start, stateOf } = setUp();
    cri.program('app', { stopsAfterMs: 'never' });
    const id = await start(await sandbox());
    const stopped = cri.stopContainer(id, 30_000, signal);
    await clock.advance(29_999);
    expect(await stateOf(id)).toBe('running');
    await clock.advance(1);
    await stopped;
    expect(await cri.containerStatus(id, signal)).toMatchObject({ exitCode: 137 });
  });

  it('lets a program take its time to stop', async () => {
    const { clock, cri, sandbox, start } = setUp();
    cri.program('app', { stopsAfterMs: 2000, stopExitCode: 143 });
    const id = await start(await sandbox());
    const stopped = cri.stopContainer(id, 30_000, signal);
    await clock.advance(2000);
    await stopped;
    expect(await cri.containerStatus(id, signal)).toMatchObject({ exitCode: 143 });
  });

  it('fails the next calls on request, without effect, and then works again', async () => {
    const { cri, sandbox } = setUp();
    cri.calls.failNext('runPodSandbox', 'CRI_DEADLINE');
    const own = new Error('own');
    cri.calls.failNext('runPodSandbox', own);
    await expect(sandbox()).rejects.toMatchObject({ code: 'CRI_DEADLINE' });
    await expect(sandbox()).rejects.toBe(own);
    expect(await cri.listPodSandbox({}, signal)).toEqual([]);
    await sandbox();
    expect(cri.calls.of('runPodSandbox')).toHaveLength(3);
  });

  it('delays calls on its clock; an abort ends the wait', async () => {
    const { clock, cri } = setUp();
    cri.calls.delay('version', 1000);
    const controller = new AbortController();
    const [slow, given] = [cri.version(signal), cri.version(controller.signal)];
    controller.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    await clock.advance(1000);
    expect(await slow).toMatchObject({ runtimeApiVersion: 'v1' });
  });

  it('reports every change to its readers, in order', async () => {
    const { cri, sandbox, start } = setUp();
    const stop = new AbortController();
    const seen: ContainerEvent[] = [];
    const listening = (async () => {
      for await (const event of cri.containerEvents(stop.signal)) seen.push(event);
    })();
    await Promise.resolve();
    const pod = await sandbox();
    const id = await start(pod);
    cri.exitContainer(id, { exitCode: 1 });
    await cri.removePodSandbox(pod, signal);
    await new Promise(setImmediate);
    stop.abort(new Error('enough'));
    await expect(listening).rejects.toThrow('enough');
    const name = (of: string) => (of === pod ? 'sandbox' : 'container');
    expect(seen.map((event) => `${name(event.id)} ${event.type}`)).toEqual([
      'sandbox created',
      'sandbox started',
      'container created',
      'container started',
      'container stopped',
      'sandbox stopped',
      'container deleted',
      'sandbox deleted',
    ]);
    expect(seen[4]?.containers).toMatchObject([{ id, state: 'exited', exitCode: 1 }]);
    expect(seen[7]?.sandbox).toBeUndefined();
  });

  it('goes away and comes back with everything it had', async () => {
    const { cri, sandbox } = setUp();
    const id = await sandbox();
    const next = cri.containerEvents(signal)[Symbol.asyncIterator]().next();
    await Promise.resolve();
    cri.calls.goAway();
    await expect(cri.version(signal)).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
    await expect(next).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
    cri.calls.comeBack();
    expect(await cri.podSandboxStatus(id, signal)).toMatchObject({ state: 'ready' });
  });

  it("pulls the registry's images, for valid credentials", async () => {
    const { cri } = setUp();
    const published = cri.images.publish('private.test/app:2', {
      allow: (auth) => auth?.username === 'me',
    });
    const image = { image: 'private.test/app:2' };
    await expect(cri.images.pullImage({ image }, signal)).rejects.toThrow('401 Unauthorized');
    await expect(
      cri.images.pullImage({ image: { image: 'private.test/other' } }, signal),
    ).rejects.toMatchObject({ code: 'CRI_NOT_FOUND' });
    const auth = { username: 'me', password: 'x' };
    const reference = await cri.images.pullImage({ image, auth }, signal);
    expect(await cri.images.imageStatus({ image: reference }, signal)).toEqual(published);
    await cri.images.removeImage(image, signal);
    expect(await cri.images.imageStatus(image, signal)).toBeUndefined();
  });

  it('finds images by the short names that people write', async () => {
    const { cri } = setUp();
    const added = cri.images.add('busybox');
    expect(added.repoTags).toEqual(['docker.io/library/busybox:latest']);
    for (const image of ['busybox', 'busybox:latest', 'docker.io/library/busybox', added.id]) {
      expect(await cri.images.imageStatus({ image }, signal)).toEqual(added);
    }
  });

  it('can lack the calls that older runtimes lack', async () => {
    const { cri } = setUp(['containerEvents', 'runtimeConfig', 'streamingLists']);
    const first = <T>(stream: AsyncIterable<T>) => stream[Symbol.asyncIterator]().next();
    const unimplemented = { code: 'CRI_UNIMPLEMENTED' };
    await expect(cri.runtimeConfig(signal)).rejects.toMatchObject(unimplemented);
    await expect(first(cri.containerEvents(signal))).rejects.toMatchObject(unimplemented);
    await expect(first(cri.streamContainers({}, signal))).rejects.toMatchObject(unimplemented);
  });

  it('reports the usage that a test sets, summed up per sandbox', async () => {
    const { cri, sandbox, start } = setUp();
    const pod = await sandbox();
    cri.setUsage(await start(pod, 'a'), { workingSetBytes: 100 });
    cri.setUsage(await start(pod, 'b'), { workingSetBytes: 20 });
    const stats = await cri.podSandboxStats(pod, signal);
    expect(stats.memory?.workingSetBytes).toBe(120);
    expect(stats.containers).toHaveLength(2);
  });

  it('opens the log of a container at its start, and again when asked to', async () => {
    const opened: string[] = [];
    const cri = new MemoryRuntime({
      clock: new ManualClock(),
      openLog: (path) => void opened.push(path),
    });
    cri.images.add('app');
    const sandboxConfig = {
      metadata: { name: 'web', namespace: 'default', uid: 'u1', attempt: 0 },
      logDirectory: '/logs/web',
    };
    const sandboxId = await cri.runPodSandbox({ config: sandboxConfig }, signal);
    const config = {
      metadata: { name: 'app', attempt: 0 },
      image: { image: 'app' },
      logPath: 'app/0.log',
    };
    const id = await cri.createContainer({ sandboxId, config, sandboxConfig }, signal);
    expect(opened).toEqual([]);
    await cri.startContainer(id, signal);
    await cri.reopenContainerLog(id, signal);
    expect(opened).toEqual(['/logs/web/app/0.log', '/logs/web/app/0.log']);
  });
});
