import { FileError } from '@nodeagent/base/files';
import { ManualClock } from '@nodeagent/base/testing';
import { type ContainerId, CriError, type Mount, type SandboxId } from '@nodeagent/cri-client';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { beforeEach, describe, expect, it } from 'vitest';

import { Observer } from '../../../src/observation/run/observer.js';

const { signal } = new AbortController();
const UID = 'u1';
const labels = { 'io.kubernetes.pod.uid': UID };
let clock: ManualClock;
let cri: MemoryRuntime;
let observer: Observer;
let logs: Record<string, string>;
let sandboxId: SandboxId;

beforeEach(async () => {
  clock = new ManualClock();
  cri = new MemoryRuntime({ clock });
  cri.images.add('app');
  logs = {};
  observer = new Observer({ cri, clock, files: { readTail: async (path) => logs[path] ?? '' } });
  const metadata = { name: 'web', namespace: 'default', uid: UID, attempt: 0 };
  sandboxId = await cri.runPodSandbox(
    { config: { metadata, labels, logDirectory: '/logs' } },
    signal,
  );
});

async function run(
  name: string,
  annotations: Record<string, string> = {},
  mounts: readonly Mount[] = [],
): Promise<ContainerId> {
  const metadata = { name, attempt: 0 };
  const config = {
    metadata,
    image: { image: 'app' },
    labels: { ...labels, 'io.kubernetes.container.name': name },
    annotations,
    mounts,
    logPath: `${name}.log`,
  };
  const sandboxConfig = {
    metadata: { name: 'web', namespace: 'default', uid: UID, attempt: 0 },
    logDirectory: '/logs',
  };
  const id = await cri.createContainer({ sandboxId, config, sandboxConfig }, signal);
  await cri.startContainer(id, signal);
  return id;
}

/** Status calls since the previous call of this function, by method and object. */
async function asked(): Promise<readonly string[]> {
  cri.calls.recorded.length = 0;
  await observer.observe(UID, signal);
  return cri.calls.recorded.map(({ method }) => method).filter((method) => /Status/.test(method));
}

describe('Observer', () => {
  it('reads details only of changed objects', async () => {
    const first = await run('a');
    await run('b');
    expect([...(await asked())].sort()).toEqual([
      'containerStatus',
      'containerStatus',
      'podSandboxStatus',
    ]);
    expect(await asked()).toEqual([]);
    cri.exitContainer(first, { exitCode: 3 });
    expect(await asked()).toEqual(['containerStatus']);
    expect(await asked()).toEqual([]);
    const seen = await observer.observe(UID, signal);
    expect(seen.containers.map(({ name, state }) => [name, state.kind])).toEqual(
      expect.arrayContaining([
        ['a', 'exited'],
        ['b', 'running'],
      ]),
    );
    await cri.stopPodSandbox(sandboxId, signal);
    expect([...(await asked())].sort()).toEqual(['containerStatus', 'podSandboxStatus']);
  });

  it('omits an object that disappears between the list and the status call', async () => {
    await run('a');
    await run('b');
    const gone = new CriError('CRI_NOT_FOUND', 'gone', { method: 'ContainerStatus' });
    cri.calls.failNext('containerStatus', gone);
    const seen = await observer.observe(UID, signal);
    expect(seen.containers).toHaveLength(1);
    expect((await observer.observe(UID, signal)).containers).toHaveLength(2);
  });

  it('fails when the runtime fails, and keeps no wrong state', async () => {
    await run('a');
    cri.calls.failNext('containerStatus', 'CRI_UNAVAILABLE');
    await expect(observer.observe(UID, signal)).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
    expect((await observer.observe(UID, signal)).containers).toHaveLength(1);
  });

  it('forgets a pod without remaining objects', async () => {
    await run('a');
    await observer.observe(UID, signal);
    await cri.removePodSandbox(sandboxId, signal);
    const seen = await observer.observe(UID, signal);
    expect(seen).toMatchObject({ sandboxes: [], containers: [], podIps: [] });
  });

  it('uses the end of the log if a container failed without a message', async () => {
    const policy = 'io.kubernetes.container.terminationMessagePolicy';
    const id = await run('a', { [policy]: 'FallbackToLogsOnError' });
    const status = await cri.containerStatus(id, signal);
    logs[status.logPath] = [
      'a line that was cut',
      '2026-01-01T00:00:00.000000001Z stdout P no ',
      '2026-01-01T00:00:00.000000002Z stdout F config',
      '2026-01-01T00:00:00.000000003Z stderr F bye',
      '',
    ].join('\n');
    cri.exitContainer(id, { exitCode: 1 });
    const [seen] = (await observer.observe(UID, signal)).containers;
    expect(seen?.state).toMatchObject({ kind: 'exited', message: 'no config\nbye\n' });
  });

  it('reports an unreadable message in the message itself, and observes the rest', async () => {
    const path = 'io.kubernetes.container.terminationMessagePath';
    const readTail = async (file: string): Promise<string> => {
      throw new FileError('FILE_KIND', `${file} is no regular file`);
    };
    observer = new Observer({ cri, clock, files: { readTail } });
    const annotations = { [path]: '/dev/termination-log' };
    const mounts = [{ containerPath: '/dev/termination-log', hostPath: '/pod/pipe' }];
    const id = await run('a', annotations, mounts);
    cri.exitContainer(id, { exitCode: 1 });
    const [seen] = (await observer.observe(UID, signal)).containers;
    const message = 'Error on reading termination log /pod/pipe: /pod/pipe is no regular file';
    expect(seen?.state).toMatchObject({ kind: 'exited', message });
  });

  describe('right after an object was created', () => {
    const NEW = 'u2';
    const metadata = { name: 'new', namespace: 'default', uid: NEW, attempt: 0 };
    const itsLabels = { 'io.kubernetes.pod.uid': NEW };

    const sandbox = () =>
      observer.changing(
        NEW,
        () => cri.runPodSandbox({ config: { metadata, labels: itsLabels } }, signal),
        (id) => ({ kind: 'sandbox', id }),
      );
    const container = (name: string, home: SandboxId) =>
      observer.changing(
        NEW,
        async () => {
          const config = {
            metadata: { name, attempt: 0 },
            image: { image: 'app' },
            labels: { ...itsLabels, 'io.kubernetes.container.name': name },
          };
          const target = { sandboxId: home, config, sandboxConfig: { metadata } };
          const id = await cri.createContainer(target, signal);
          await cri.startContainer(id, signal);
          return id;
        },
        (id) => ({ kind: 'container', id, sandboxId: home }),
      );
    const look = async (uid = NEW) => {
      cri.calls.recorded.length = 0;
      const seen = await observer.observe(uid, signal);
      const asked = cri.calls.recorded.map(({ method }) => method);
      return { seen, asked: asked.filter((method) => method !== 'version') };
    };
    const LISTS = ['listPodSandbox', 'listContainers'];

    beforeEach(async () => {
      await observer.observe(UID, signal);
    });

    it('lists nothing for a pod that is newer than the first list, and inspects only the new object', async () => {
      expect((await look()).asked).toEqual([]);
      const home = await sandbox();
      const first = await look();
      expect(first.asked).toEqual(['podSandboxStatus']);
      expect(first.seen.podIps).not.toEqual([]);
      await container('a', home);
      const second = await look();
      expect(second.asked).toEqual(['containerStatus']);
      const all = await look();
      expect(all.asked).toEqual(LISTS);
      expect({ ...all.seen, observedAtMs: 0 }).toEqual({ ...second.seen, observedAtMs: 0 });
    });

    it('distinguishes changes from its own', async () => {
      const told = (...states: readonly (readonly [string, string])[]) =>
        observer.compare(NEW, { states: new Map(states), areAll: true });
      const during: string[] = [];
      const home = await observer.changing(
        NEW,
        async () => {
          const id = await cri.runPodSandbox({ config: { metadata, labels: itsLabels } }, signal);
          during.push(told([id, 'notready']), told());
          return id;
        },
        (id) => ({ kind: 'sandbox', id }),
      );
      expect(during).toEqual(['too-early', 'same']);
      expect(told([home, 'ready'])).toBe('too-early');
      await look();
      expect(told([home, 'ready'])).toBe('same');
      expect(told([home, 'notready'])).toBe('different');
      expect(told([home, 'ready'], ['other', 'running'])).toBe('different');
      expect(told()).toBe('different');
      const one = { states: new Map([[home, 'ready']]), areAll: false };
      const id = await container('a', home);
      expect(told([home, 'ready'], [id, 'created'])).toBe('too-early');
      expect(told([home, 'notready'], [id, 'created'])).toBe('different');
      await look();
      expect([told([home, 'ready']), observer.compare(NEW, one)]).toEqual(['different', 'same']);
    });

    it('does not treat an object that it failed to create as its own', async () => {
      const home = await sandbox();
      await look();
      cri.calls.failNext('startContainer', 'CRI_UNAVAILABLE');
      await expect(container('a', home)).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
      const states = new Map([
        [String(home), 'ready'],
        ['left behind', 'created'],
      ]);
      expect(observer.compare(NEW, { states, areAll: true })).toBe('different');
    });

    it('lists the whole pod if the runtime reported more', async () => {
      const home = await sandbox();
      observer.noticed(NEW);
      expect((await look()).asked).toEqual([...LISTS, 'podSandboxStatus']);
      await container('a', home);
      await observer.changing(NEW, () => Promise.resolve());
      expect((await look()).asked).toEqual([...LISTS, 'containerStatus']);
    });

    it('lists the whole pod after a change failed midway', async () => {
      const home = await sandbox();
      await look();
      cri.calls.failNext('startContainer', 'CRI_UNAVAILABLE');
      await expect(container('a', home)).rejects.toMatchObject({ code: 'CRI_UNAVAILABLE' });
      const { seen, asked } = await look();
      expect(asked).toEqual([...LISTS, 'containerStatus']);
      expect(seen.containers.map(({ state }) => state.kind)).toEqual(['created']);
    });

    it('lists the whole pod if the new object is gone', async () => {
      const home = await sandbox();
      await cri.removePodSandbox(home, signal);
      const { seen, asked } = await look();
      expect(asked).toEqual(['podSandboxStatus', ...LISTS]);
      expect(seen.sandboxes).toEqual([]);
      expect((await look()).asked).toEqual([]);
    });

    it('finds objects that another client created for a new pod', async () => {
      expect((await look()).seen.sandboxes).toEqual([]);
      await cri.runPodSandbox({ config: { metadata, labels: itsLabels } }, signal);
      observer.holds(new Set([UID, NEW]));
      expect((await look()).seen.sandboxes).toHaveLength(1);
    });

    it('forgets a pod whose end is noticed late', async () => {
      observer.noticed(NEW);
      observer.holds(new Set([UID]));
      expect((await look()).asked).toEqual([]);
    });

    it('forgets no pod that is changed while the runtime lists all pods', async () => {
      observer.noticed(NEW);
      const made = sandbox();
      observer.holds(new Set([UID]));
      await made;
      observer.holds(new Set([UID]));
      expect((await look()).seen.sandboxes).toHaveLength(1);
    });

    it('retries after its first list failed', async () => {
      observer = new Observer({ cri, clock, files: { readTail: async () => '' } });
      cri.calls.failNext('listContainers', 'CRI_UNAVAILABLE');
      await expect(observer.observe(UID, signal)).rejects.toMatchObject({
        code: 'CRI_UNAVAILABLE',
      });
      expect((await observer.observe(UID, signal)).sandboxes).toHaveLength(1);
    });
  });
});
