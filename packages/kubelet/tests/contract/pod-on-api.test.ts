import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { startDevApiServer } from '@nodeagent/dev-apiserver';
import { isKubeError, type KubeClient, NODES, type Pod, PODS } from '@nodeagent/kube-client';
import { createKubeClient } from '@nodeagent/kube-client/http';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { withNodeDefaults } from '@nodeagent/node-status';
import { createFixedFacts } from '@nodeagent/node-status/testing';
import { createScriptedProber } from '@nodeagent/probes/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { runKubelet } from '../../src/assembly/run/run-kubelet.js';
import { createNodeEvents, OwnNode } from '../../src/node/run/index.js';
import { createPodEvents } from '../../src/pod/run/index.js';
import {
  aPod,
  MemoryPodEvents,
  MemoryPodRuntime,
  MemoryPodVolumes,
} from '../../src/testing/index.js';

/** An API with two callers: a user, and the node `n1` with the rights of a node only. */
interface Api {
  readonly user: KubeClient;
  readonly node: KubeClient;
  stop(): Promise<void>;
}

async function memoryApi(): Promise<Api> {
  const client = createMemoryKubeClient({ clock: createSystemClock() });
  return { user: client, node: client, stop: async () => undefined };
}

async function devApi(): Promise<Api> {
  const server = await startDevApiServer();
  const folder = await mkdtemp(join(tmpdir(), 'kubelet-contract-'));
  const clientFor = async (user: string, groups: string[]) => {
    const path = join(folder, `${groups.join()}.kubeconfig`);
    await writeFile(path, await server.kubeconfig({ user, groups }));
    return createKubeClient(await loadKubeconfig({ path }));
  };
  const user = await clientFor('admin', ['system:masters']);
  const node = await clientFor('system:node:n1', ['system:nodes']);
  return {
    user,
    node,
    async stop() {
      user.close();
      node.close();
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}

const apis = [
  { name: 'in memory', start: memoryApi },
  { name: 'of the development server', start: devApi },
];

/** Generous, because the machine may be under load. */
const PATIENCE = { timeout: 30_000 };

describe.each(apis)('a kubelet on the API $name', ({ start }) => {
  const signal = new AbortController().signal;
  const web = { namespace: 'default', name: 'web' };
  let api: Api;
  let runtime: MemoryPodRuntime;
  let log: MemoryLogger;
  let end: AbortController;
  let run: Promise<void>;

  beforeEach(async () => {
    api = await start();
    const clock = createSystemClock();
    runtime = new MemoryPodRuntime(clock);
    log = new MemoryLogger();
    end = new AbortController();
    const cri = new MemoryRuntime({ clock });
    const recorder = { record: () => undefined };
    const volumes = new MemoryPodVolumes({ clock, events: new MemoryPodEvents() });
    volumes.configMaps.set('default/kube-root-ca.crt', { data: { 'ca.crt': 'PEM' } });
    const ports = {
      client: api.node,
      ownNode: new OwnNode({ client: api.node, nodeName: 'n1', clock, random: Math.random, log }),
      events: createPodEvents(recorder),
      nodeEvents: createNodeEvents(recorder, 'n1'),
      cri,
      images: cri.images,
      facts: createFixedFacts(),
      runtime,
      runtimeView: runtime,
      volumes,
      prober: createScriptedProber('success'),
      clock,
      random: Math.random,
      log,
    };
    const node = withNodeDefaults({ nodeName: 'n1', kubeletVersion: 'v1.36.0' });
    run = runKubelet({ ports, settings: { node, syncFrequencyMs: 60_000 } }, end.signal);
    await vi.waitFor(async () => {
      const { status } = await api.user.get(NODES, { name: 'n1' }, signal);
      expect(status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    }, PATIENCE);
  });

  afterEach(async () => {
    end.abort(new Error('the test is over'));
    await run;
    await api.stop();
  });

  const pod = (): Promise<Pod> => api.user.get(PODS, web, signal);
  const ready = async (): Promise<Pod> =>
    vi.waitFor(async () => {
      const now = await pod();
      const condition = now.status?.conditions?.find(({ type }) => type === 'Ready');
      expect(condition).toMatchObject({ status: 'True' });
      return now;
    }, PATIENCE);

  it('runs a pod from its creation to its deletion', async () => {
    await api.user.create(
      PODS,
      aPod({ containers: [{ readinessProbe: { tcpSocket: { port: 80 } } }] }),
      signal,
    );
    const { metadata, status } = await ready();
    expect(status).toMatchObject({
      phase: 'Running',
      podIPs: [{ ip: status?.podIP }],
      containerStatuses: [{ name: 'app', ready: true, started: true, restartCount: 0 }],
    });
    const condition = status?.conditions?.find(({ type }) => type === 'Ready');
    expect([condition?.reason, condition?.message]).toEqual([undefined, undefined]);

    const uid = metadata?.uid ?? '';
    runtime.loseSandbox(uid);
    await vi.waitFor(async () => {
      const now = (await pod()).status;
      expect(now?.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 1 });
      expect(now?.podIPs).toHaveLength(1);
      expect(now?.podIP).not.toBe(status?.podIP);
    }, PATIENCE);

    await api.user.delete(PODS, web, { gracePeriodSeconds: 5 }, signal);
    await vi.waitFor(async () => {
      const gone = await pod().catch((error: unknown) => error);
      expect(isKubeError(gone, 'KUBE_NOT_FOUND')).toBe(true);
    }, PATIENCE);
    expect((await runtime.listPods(signal)).map(({ uid: left }) => left)).toEqual([]);
    const failures = log.lines.filter(({ level }) => level === 'warn' || level === 'error');
    expect(failures).toEqual([]);
  });
});
