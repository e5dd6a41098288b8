import { ifStarted } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  type ContainerConfig,
  type ContainerId,
  containerId,
  type ContainerStatus,
  type ImageService,
  isCriError,
  type RuntimeService,
  type SandboxConfig,
  type SandboxId,
  sandboxId,
} from '../../src/index.js';

/** A runtime with one image that contains a shell, and the programs below. */
export interface RuntimeUnderTest {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
  /** The name of an image on the node. */
  readonly image: string;
  readonly logDirectory: (podName: string) => string;
  /** Resolves once the program that logs there has set up, or ignored, its signal handlers. */
  listens(logPath: string): Promise<unknown>;
  /** Kills the process that holds a sandbox. */
  killSandbox(id: SandboxId): Promise<void>;
  close(): Promise<void>;
}

/** Commands by container name; a runtime without real programs simulates the same behaviour. */
export const PROGRAMS = {
  obedient: ['sh', '-c', 'trap "exit 3" TERM; echo listens; while :; do sleep 0.05; done'],
  stubborn: ['sh', '-c', 'trap "" TERM; echo listens; while :; do sleep 0.05; done'],
  task: ['sh', '-c', 'exit 7'],
  missing: ['/no/such/program'],
} as const;

export const EXEC = {
  talk: ['sh', '-c', 'echo out; echo err >&2; exit 5'],
  hang: ['sh', '-c', 'sleep 30'],
} as const;

type ProgramName = keyof typeof PROGRAMS;

interface World {
  readonly it: RuntimeUnderTest;
  readonly signal: AbortSignal;
  readonly sandbox: (name: string, attempt?: number) => Promise<SandboxId>;
  readonly create: (
    sandbox: SandboxId,
    name: ProgramName,
    attempt?: number,
    linux?: ContainerConfig['linux'],
  ) => Promise<ContainerId>;
  readonly start: (
    sandbox: SandboxId,
    name: ProgramName,
    linux?: ContainerConfig['linux'],
  ) => Promise<ContainerId>;
  readonly ended: (id: ContainerId) => Promise<ContainerStatus>;
}

const NOWHERE = 'f'.repeat(64);
const podUid = (name: string): string => `uid-of-${name}`;

/** Holds for every CRI v1 runtime; the calling file chooses the runtime. */
export function runtimeContract(name: string, create: () => Promise<RuntimeUnderTest>): void {
  describe(`CRI contract: ${name}`, () => {
    let world: World;
    beforeAll(async () => {
      world = newWorld(await create());
    });
    afterAll(async () => {
      await ifStarted(world)?.it.close();
    });
    sandboxRules(() => world);
    containerRules(() => world);
    endRules(() => world);
    otherRules(() => world);
  });
}

function newWorld(under: RuntimeUnderTest): World {
  const { signal } = new AbortController();
  const configs = new Map<SandboxId, SandboxConfig>();
  const world: World = {
    it: under,
    signal,
    async sandbox(name, attempt = 0) {
      const config: SandboxConfig = {
        metadata: { name, uid: podUid(name), namespace: 'contract', attempt },
        hostname: name,
        logDirectory: under.logDirectory(name),
        labels: { pod: name },
        annotations: { note: 'kept as it is' },
      };
      const id = await under.runtime.runPodSandbox({ config }, signal);
      configs.set(id, config);
      return id;
    },
    create(sandbox, name, attempt = 0, linux = {}) {
      const sandboxConfig = configs.get(sandbox) ?? { metadata: NO_POD };
      const config = {
        metadata: { name, attempt },
        image: { image: under.image },
        command: PROGRAMS[name],
        labels: { container: name, pod: sandboxConfig.metadata.name },
        logPath: `${name}-${attempt}.log`,
        linux,
      };
      return under.runtime.createContainer({ sandboxId: sandbox, config, sandboxConfig }, signal);
    },
    async start(sandbox, name, linux) {
      const id = await world.create(sandbox, name, 0, linux);
      await under.runtime.startContainer(id, signal);
      return id;
    },
    async ended(id) {
      for (;;) {
        const status = await under.runtime.containerStatus(id, signal);
        if (status.state === 'exited') return status;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
  return world;
}

const NO_POD = { name: 'none', uid: 'none', namespace: 'contract', attempt: 0 };

function sandboxRules(get: () => World): void {
  it('runs a sandbox that is ready and has an address', async () => {
    const { it: under, signal, sandbox } = get();
    const id = await sandbox('life');
    const status = await under.runtime.podSandboxStatus(id, signal);
    expect(status).toMatchObject({
      id,
      state: 'ready',
      metadata: { name: 'life', uid: podUid('life'), namespace: 'contract', attempt: 0 },
      labels: { pod: 'life' },
      annotations: { note: 'kept as it is' },
      namespaces: { network: 'pod' },
    });
    expect(status.ips[0]).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(await under.runtime.podSandboxInfo(id, signal)).not.toEqual({});
  });

  it('finds sandboxes by id, state and label', async () => {
    const { it: under, signal, sandbox } = get();
    const id = await sandbox('listed');
    const ids = async (filter: Parameters<RuntimeService['listPodSandbox']>[0]) =>
      (await under.runtime.listPodSandbox(filter, signal)).map((found) => found.id);
    expect(await ids({ labels: { pod: 'listed' } })).toEqual([id]);
    expect(await ids({ id })).toEqual([id]);
    expect(await ids({ id, state: 'not-ready' })).toEqual([]);
    expect(await ids({ state: 'ready' })).toContain(id);
    expect(await ids({ labels: { pod: 'listed', other: 'x' } })).toEqual([]);
  });

  it('refuses a second sandbox of the same name, but not a further attempt', async () => {
    const { sandbox } = get();
    await sandbox('twin');
    await expect(sandbox('twin')).rejects.toSatisfy((error) => isCriError(error));
    await expect(sandbox('twin', 1)).resolves.toHaveLength(64);
  });

  it('stops and removes sandboxes repeatedly without error', async () => {
    const { it: under, signal, sandbox } = get();
    const id = await sandbox('stopped');
    for (let i = 0; i < 2; i += 1) await under.runtime.stopPodSandbox(id, signal);
    const status = await under.runtime.podSandboxStatus(id, signal);
    expect(status).toMatchObject({ state: 'not-ready', ips: [] });
    for (let i = 0; i < 2; i += 1) await under.runtime.removePodSandbox(id, signal);
    await expect(under.runtime.podSandboxStatus(id, signal)).rejects.toMatchObject({
      code: 'CRI_NOT_FOUND',
    });
    await under.runtime.stopPodSandbox(sandboxId(NOWHERE), signal);
  });
}

function containerRules(get: () => World): void {
  it('creates, starts, stops and removes a container', async () => {
    const { it: under, signal, sandbox, create } = get();
    const pod = await sandbox('containers');
    const id = await create(pod, 'obedient');
    const created = await under.runtime.containerStatus(id, signal);
    expect(created).toMatchObject({ id, state: 'created', exitCode: 0 });
    expect(created).toMatchObject({ startedAtMs: undefined, finishedAtMs: undefined });
    await under.runtime.startContainer(id, signal);
    const running = await under.runtime.containerStatus(id, signal);
    expect(running).toMatchObject({ state: 'running', labels: { container: 'obedient' } });
    expect(running.startedAtMs).toBeGreaterThanOrEqual(created.createdAtMs);
    expect(running.logPath).toBe(`${under.logDirectory('containers')}/obedient-0.log`);
    await expect(under.runtime.startContainer(id, signal)).rejects.toThrow(id);
    await under.listens(running.logPath);
    for (let i = 0; i < 2; i += 1) await under.runtime.stopContainer(id, 10_000, signal);
    const exited = await under.runtime.containerStatus(id, signal);
    expect(exited).toMatchObject({ state: 'exited', exitCode: 3, reason: 'Error' });
    expect(exited.finishedAtMs).toBeGreaterThanOrEqual(running.startedAtMs ?? Infinity);
    for (let i = 0; i < 2; i += 1) await under.runtime.removeContainer(id, signal);
    await expect(under.runtime.containerStatus(id, signal)).rejects.toMatchObject({
      code: 'CRI_NOT_FOUND',
    });
    await under.runtime.stopContainer(containerId(NOWHERE), 0, signal);
  });

  it('finds containers by sandbox, state and label', async () => {
    const { it: under, signal, sandbox, create, start } = get();
    const pod = await sandbox('found');
    const [created, running] = [await create(pod, 'task'), await start(pod, 'obedient')];
    const ids = async (filter: Parameters<RuntimeService['listContainers']>[0]) =>
      (await under.runtime.listContainers(filter, signal)).map((found) => found.id);
    expect(new Set(await ids({ sandboxId: pod }))).toEqual(new Set([created, running]));
    expect(await ids({ sandboxId: pod, state: 'running' })).toEqual([running]);
    expect(await ids({ labels: { pod: 'found', container: 'task' } })).toEqual([created]);
    expect(await ids({ id: created, state: 'exited' })).toEqual([]);
  });

  it('needs a ready sandbox, an image and a name that no sandbox of the pod has', async () => {
    const { it: under, signal, sandbox, create } = get();
    const pod = await sandbox('needs');
    await create(pod, 'task');
    await expect(create(pod, 'task')).rejects.toSatisfy((error) => isCriError(error));
    await expect(create(pod, 'task', 1)).resolves.toHaveLength(64);
    const again = await sandbox('needs', 1);
    await expect(create(again, 'task')).rejects.toSatisfy((error) => isCriError(error));
    const sandboxConfig = { metadata: NO_POD };
    const config = { metadata: { name: 'x', attempt: 0 }, image: { image: 'no.such/image:1' } };
    await expect(
      under.runtime.createContainer({ sandboxId: pod, config, sandboxConfig }, signal),
    ).rejects.toMatchObject({ code: 'CRI_NOT_FOUND' });
    await expect(create(sandboxId(NOWHERE), 'task')).rejects.toMatchObject({
      code: 'CRI_NOT_FOUND',
    });
    await under.runtime.stopPodSandbox(pod, signal);
    await expect(create(pod, 'task', 2)).rejects.toSatisfy((error) => isCriError(error));
  });

  it('leaves a never started container unchanged when it is stopped', async () => {
    const { it: under, signal, sandbox, create } = get();
    const id = await create(await sandbox('unstarted'), 'obedient');
    await under.runtime.stopContainer(id, 1000, signal);
    expect(await under.runtime.containerStatus(id, signal)).toMatchObject({ state: 'created' });
  });
}

function endRules(get: () => World): void {
  it('reports how a program ended by itself', async () => {
    const { sandbox, start, ended } = get();
    const status = await ended(await start(await sandbox('task'), 'task'));
    expect(status).toMatchObject({ exitCode: 7, reason: 'Error' });
    // containerd sets startedAt after the start call has returned, and the shim sets finishedAt
    // when the program ends. So a program that ends at once may be reported as finished a moment
    // before it started.
    const ranMs = (status.finishedAtMs ?? Infinity) - (status.startedAtMs ?? -Infinity);
    expect(Math.abs(ranMs)).toBeLessThan(60_000);
  });

  it('kills a program that outlives its grace period', async () => {
    const { it: under, signal, sandbox, start } = get();
    const id = await start(await sandbox('stubborn'), 'stubborn');
    await under.listens(`${under.logDirectory('stubborn')}/stubborn-0.log`);
    await under.runtime.stopContainer(id, 1000, signal);
    expect(await under.runtime.containerStatus(id, signal)).toMatchObject({
      state: 'exited',
      exitCode: 137,
    });
  });

  it('ends a container whose program cannot be started', async () => {
    const { it: under, signal, sandbox, create, ended } = get();
    const id = await create(await sandbox('missing'), 'missing');
    await expect(under.runtime.startContainer(id, signal)).rejects.toThrow('/no/such/program');
    expect(await ended(id)).toMatchObject({ exitCode: 128, reason: 'StartError' });
  });

  it('removes a container that still runs', async () => {
    const { it: under, signal, sandbox, start } = get();
    const id = await start(await sandbox('removed'), 'stubborn');
    await under.runtime.removeContainer(id, signal);
    expect(await under.runtime.listContainers({ id }, signal)).toEqual([]);
  });

  it('keeps the network of a sandbox whose process was killed, and containers with their own processes', async () => {
    const { it: under, signal, sandbox, start } = get();
    const pod = await sandbox('killed');
    const own = { securityContext: { namespaces: { pid: 'container' } } } as const;
    const [sharing, apart] = [await start(pod, 'obedient'), await start(pod, 'stubborn', own)];
    await under.killSandbox(pod);
    const status = () => under.runtime.podSandboxStatus(pod, signal);
    const state = async (id: ContainerId) => under.runtime.containerStatus(id, signal);
    await expect.poll(async () => (await status()).state).toBe('not-ready');
    await expect.poll(() => state(sharing)).toMatchObject({ state: 'exited', exitCode: 137 });
    expect((await status()).ips).not.toEqual([]);
    expect(await state(apart)).toMatchObject({ state: 'running' });
    await under.runtime.stopPodSandbox(pod, signal);
    expect((await status()).ips).toEqual([]);
    expect(await state(apart)).toMatchObject({ state: 'exited', exitCode: 137 });
  });

  it('stops containers with their sandbox, and removes them with it', async () => {
    const { it: under, signal, sandbox, start } = get();
    const pod = await sandbox('together');
    const id = await start(pod, 'stubborn');
    await under.listens(`${under.logDirectory('together')}/stubborn-0.log`);
    await under.runtime.stopPodSandbox(pod, signal);
    expect(await under.runtime.containerStatus(id, signal)).toMatchObject({
      state: 'exited',
      exitCode: 137,
    });
    await under.runtime.removePodSandbox(pod, signal);
    expect(await under.runtime.listContainers({ sandboxId: pod }, signal)).toEqual([]);
  });
}

function otherRules(get: () => World): void {
  it('reports its name and its conditions', async () => {
    const { it: under, signal } = get();
    expect(await under.runtime.version(signal)).toMatchObject({ runtimeApiVersion: 'v1' });
    const { conditions } = await under.runtime.status(signal);
    for (const type of ['RuntimeReady', 'NetworkReady']) {
      expect(conditions).toContainEqual(expect.objectContaining({ type, status: true }));
    }
    expect(await under.runtime.statusInfo(signal)).toHaveProperty('config');
  });

  it.each(['10.1.0.0/24', '10.1.0.0/24,fd00:1::/64', '10.2.0.0/24'])(
    'takes %s as the address ranges of pods',
    async (podCidr) => {
      const { it: under, signal } = get();
      await under.runtime.updateRuntimeConfig(podCidr, signal);
      const { conditions } = await under.runtime.status(signal);
      expect(conditions).toContainEqual(
        expect.objectContaining({ type: 'NetworkReady', status: true }),
      );
    },
  );

  it('runs commands in a container', async () => {
    const { it: under, signal, sandbox, start } = get();
    const id = await start(await sandbox('exec'), 'obedient');
    const run = (command: readonly string[], timeoutMs?: number) =>
      under.runtime.execSync({ containerId: id, command, timeoutMs }, signal);
    const { stdout, stderr, exitCode } = await run(EXEC.talk);
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    expect([text(stdout), text(stderr), exitCode]).toEqual(['out\n', 'err\n', 5]);
    await expect(run(EXEC.hang, 1000)).rejects.toMatchObject({ code: 'CRI_DEADLINE' });
    const session = { containerId: id, tty: false, stdin: false, stdout: true, stderr: true };
    expect(await under.runtime.exec({ ...session, command: EXEC.talk }, signal)).toMatch(/^http/);
    expect(await under.runtime.attach(session, signal)).toMatch(/^http/);
    await under.runtime.stopContainer(id, 1000, signal);
    await expect(run(EXEC.talk)).rejects.toSatisfy((error) => isCriError(error));
  });

  it('measures running containers', async () => {
    const { it: under, signal, sandbox, start } = get();
    const pod = await sandbox('measured');
    const id = await start(pod, 'obedient');
    const stats = await under.runtime.containerStats(id, signal);
    expect(stats).toMatchObject({ id, metadata: { name: 'obedient', attempt: 0 } });
    expect(stats.memory?.workingSetBytes).toBeTypeOf('number');
    const listed = await under.runtime.listContainerStats({ sandboxId: pod }, signal);
    expect(listed.map((found) => found.id)).toEqual([id]);
  });

  it('changes resources and reopens the log of a running container', async () => {
    const { it: under, signal, sandbox, start } = get();
    const id = await start(await sandbox('changed'), 'obedient');
    const linux = { cpuShares: 512 };
    await under.runtime.updateContainerResources({ containerId: id, linux }, signal);
    await under.runtime.reopenContainerLog(id, signal);
    await under.runtime.stopContainer(id, 1000, signal);
    await expect(under.runtime.reopenContainerLog(id, signal)).rejects.toSatisfy((error) =>
      isCriError(error),
    );
  });

  it('lists its images and their file system', async () => {
    const { it: under, signal } = get();
    const image = await under.images.imageStatus({ image: under.image }, signal);
    expect(image?.repoTags).toContain(under.image);
    expect(image?.sizeBytes).toBeGreaterThan(0);
    const byId = await under.images.imageStatus({ image: image?.id ?? '' }, signal);
    expect(byId).toEqual(image);
    const filtered = await under.images.listImages({ image: { image: under.image } }, signal);
    expect(filtered).toContainEqual(image);
    const absent = { image: 'no.such/image:1' };
    expect(await under.images.imageStatus(absent, signal)).toBeUndefined();
    await under.images.removeImage(absent, signal);
    const { images } = await under.images.imageFsInfo(signal);
    expect(images[0]?.mountpoint).toMatch(/^\//);
  });

  it("rejects a call whose signal fires with the signal's reason", async () => {
    const { it: under } = get();
    const reason = new Error('not wanted any more');
    const aborted = AbortSignal.abort(reason);
    await expect(under.runtime.version(aborted)).rejects.toBe(reason);
    await expect(under.images.listImages({}, aborted)).rejects.toBe(reason);
    await expect(
      under.runtime.containerEvents(aborted)[Symbol.asyncIterator]().next(),
    ).rejects.toBe(reason);
  });
}
