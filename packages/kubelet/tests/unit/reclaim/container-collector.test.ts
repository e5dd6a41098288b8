import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { type ContainerId, CriError } from '@nodeagent/cri-client';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { LABEL_CONTAINER_NAME, LABEL_POD_UID, type PodStanding } from '../../../src/pod/index.js';
import type { ContainerGcPolicy } from '../../../src/reclaim/model/container-gc.js';
import {
  ContainerCollector,
  type ContainerCollectorPorts,
} from '../../../src/reclaim/run/container-collector.js';

const { signal } = new AbortController();
const POLICY = { minAgeMs: 0, perContainer: 1, total: -1 };
let clock: ManualClock;
let cri: MemoryRuntime;
let log: MemoryLogger;
let events: string[];
let standings: Map<string, PodStanding>;
let links: Set<string>;
/** Ids in the order of their removal, with the other calls. */
let calls: string[];
let end: AbortController;
let run: Promise<void> | undefined;

beforeEach(() => {
  [clock, log, end] = [new ManualClock(), new MemoryLogger(), new AbortController()];
  cri = new MemoryRuntime({ clock });
  cri.images.add('app:1');
  [events, calls, run] = [[], [], undefined];
  [standings, links] = [new Map(), new Set()];
});
afterEach(async () => {
  end.abort(new Error('the test is over'));
  await run;
});

function create(
  policy: Partial<ContainerGcPolicy> = {},
  ports: Partial<ContainerCollectorPorts> = {},
): ContainerCollector {
  return new ContainerCollector(
    {
      ...{ cri, clock, log },
      runtime: {
        stopContainer: async ({ containerId }) => void calls.push(`stop ${containerId}`),
        removeContainer: async (id, logs, inner) => {
          calls.push(`remove ${id}${logs === 'remove' ? ' and its logs' : ''}`);
          await cri.removeContainer(id as ContainerId, inner);
        },
        removeSandbox: async (id, inner) => {
          calls.push('remove sandbox');
          await cri.removePodSandbox(id as never, inner);
        },
      },
      links: { dangling: async () => [...links], remove: async (name) => void links.delete(name) },
      standing: (uid) => standings.get(uid) ?? 'active',
      events: { warning: (reason, message) => void events.push(`${reason}: ${message}`) },
      ...ports,
    },
    { ...POLICY, ...policy },
  );
}

/** Creates a pod's sandbox with ended runs of one container. @returns their ids, the oldest first */
async function pod(uid: string, runs: number): Promise<readonly ContainerId[]> {
  const labels = { [LABEL_POD_UID]: uid };
  const metadata = { name: uid, namespace: 'default', uid, attempt: 0 };
  const sandboxConfig = { metadata, labels };
  const sandboxId = await cri.runPodSandbox({ config: sandboxConfig }, signal);
  const ids: ContainerId[] = [];
  for (let attempt = 0; attempt < runs; attempt += 1) {
    const config = {
      ...{ metadata: { name: 'app', attempt }, image: { image: 'app:1' } },
      labels: { ...labels, [LABEL_CONTAINER_NAME]: 'app' },
    };
    const id = await cri.createContainer({ sandboxId, config, sandboxConfig }, signal);
    await cri.startContainer(id, signal);
    cri.exitContainer(id);
    ids.push(id);
    await clock.advance(1000);
  }
  await cri.stopPodSandbox(sandboxId, signal);
  return ids;
}

describe('a collection', () => {
  it('removes runs beyond the limit with their logs, at once and each minute', async () => {
    const [first] = await pod('web', 2);
    run = create().run(end.signal);
    await clock.advance(0);
    expect(calls).toEqual([`remove ${first} and its logs`]);
    await pod('web-2', 2);
    await clock.advance(60_000);
    expect(calls).toHaveLength(2);
  });

  it('leaves nothing of a pod that is gone, not even its sandbox', async () => {
    standings.set('web', 'gone');
    await pod('web', 2);
    await pod('other', 1);
    run = create().run(end.signal);
    await clock.advance(0);
    expect(calls.at(-1)).toBe('remove sandbox');
    expect(await cri.listPodSandbox({}, signal)).toHaveLength(1);
    expect(await cri.listContainers({}, signal)).toHaveLength(1);
  });

  it('under pressure leaves nothing of a pod that has ended', async () => {
    standings.set('web', 'ended');
    await pod('web', 1);
    await pod('other', 1);
    await create().reclaim(signal);
    expect(await cri.listPodSandbox({}, signal)).toHaveLength(1);
  });

  it('keeps the newest sandbox of a pod, and those that still own a container', async () => {
    await pod('web', 1);
    await pod('bare', 0);
    await create().reclaim(signal);
    expect(calls).toEqual([]);
  });

  it('kills a container in an unknown state first, and leaves it if that fails', async () => {
    standings.set('web', 'gone');
    const [id = ''] = await pod('web', 1);
    const listContainers: MemoryRuntime['listContainers'] = async (filter, inner) =>
      (await cri.listContainers(filter, inner)).map((one) => ({ ...one, state: 'unknown' }));
    const views = { listContainers, listPodSandbox: async () => [] };
    const runtime = {
      stopContainer: () => Promise.reject(new Error('it hangs')),
      removeContainer: async () => void calls.push('removed'),
      removeSandbox: async () => undefined,
    };
    const containerStatus = cri.containerStatus.bind(cri);
    const ports = { cri: { ...views, containerStatus } };
    await create({}, { ...ports, runtime }).reclaim(signal);
    expect(calls).toEqual([]);
    expect(log.lines.at(-1)?.message).toBe('cannot remove what no pod needs');
    await create({}, ports).reclaim(signal);
    expect(calls).toEqual([`stop ${id}`, `remove ${id} and its logs`]);
  });

  it('continues after a failed removal, and tries it again in the next', async () => {
    standings.set('web', 'gone');
    const [first = ''] = await pod('web', 2);
    cri.calls.failNext('removeContainer', new CriError('CRI_INTERNAL', 'busy', { method: 'any' }));
    run = create().run(end.signal);
    await clock.advance(0);
    expect((await cri.listContainers({}, signal)).map(({ id }) => id)).toEqual([first]);
    await clock.advance(60_000);
    expect(await cri.listContainers({}, signal)).toEqual([]);
    expect(await cri.listPodSandbox({}, signal)).toEqual([]);
    expect(events).toEqual([]);
  });

  it('removes the links of lost logs, but not while a rotation may write anew', async () => {
    const labels = { [LABEL_POD_UID]: 'web', [LABEL_CONTAINER_NAME]: 'app' };
    const metadata = { name: 'web', namespace: 'default', uid: 'web', attempt: 0 };
    const sandboxConfig = { metadata, labels };
    const sandboxId = await cri.runPodSandbox({ config: sandboxConfig }, signal);
    const config = { metadata: { name: 'app', attempt: 0 }, image: { image: 'app:1' }, labels };
    const id = await cri.createContainer({ sandboxId, config, sandboxConfig }, signal);
    await cri.startContainer(id, signal);
    const kept = `web_default_app-${id}.log`;
    links = new Set([kept, 'web_default_app-0000.log', 'strange.log']);
    await create().reclaim(signal);
    expect([...links]).toEqual([kept]);
    cri.exitContainer(id);
    await create().reclaim(signal);
    expect([...links]).toEqual([]);
  });

  it('that fails is reported each time, with everything that went wrong', async () => {
    links.add('web_default_app-0000.log');
    const away = (): Promise<never> =>
      Promise.reject(new CriError('CRI_UNAVAILABLE', 'away', { method: 'any' }));
    const views = { listContainers: away, listPodSandbox: away, containerStatus: away };
    run = create({}, { cri: views }).run(end.signal);
    await clock.advance(0);
    await clock.advance(60_000);
    expect(events).toEqual(['ContainerGCFailed: away', 'ContainerGCFailed: away']);
    expect([...links]).toHaveLength(1);
    const dangling = (): Promise<never> => Promise.reject(new Error('no such disk'));
    const broken = { dangling, remove: async () => undefined };
    await expect(create({}, { cri: views, links: broken }).reclaim(signal)).rejects.toThrow(
      '[away, no such disk]',
    );
  });
});
