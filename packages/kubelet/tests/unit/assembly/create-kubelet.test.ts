import { SILENT_LOGGER } from '@nodeagent/base';
import { ManualClock } from '@nodeagent/base/testing';
import { openSystemdTree, sliceName } from '@nodeagent/cgroups';
import { MemoryCgroups, MemorySystemd } from '@nodeagent/cgroups/testing';
import { CriError } from '@nodeagent/cri-client';
import { LastingDbus } from '@nodeagent/dbus';
import { EVENTS, NODES, PODS } from '@nodeagent/kube-client';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, describe, expect, it } from 'vitest';

import type { KubeletAdapters } from '../../../src/assembly/index.js';
import { createKubelet } from '../../../src/assembly/run/index.js';
import { parseKubeletConfig } from '../../../src/config/index.js';
import {
  createMemoryNode,
  type MemoryNode,
  type MemoryNodeOptions,
} from '../../../src/testing/index.js';

const MANIFEST = {
  metadata: { namespace: 'default', name: 'web', uid: 'uid-1' },
  spec: { nodeName: 'n1', containers: [{ name: 'app', image: 'app:1' }] },
};

let end: AbortController;
let run: Promise<void>;

function start(
  config: object,
  options: Partial<MemoryNodeOptions> = {},
  adapters: Partial<KubeletAdapters> = {},
): MemoryNode & { clock: ManualClock } {
  const clock = options.clock instanceof ManualClock ? options.clock : new ManualClock();
  const node = createMemoryNode({ images: ['app:1'], ...options, clock });
  const file = { value: { ...config }, directory: '/' };
  const kubelet = createKubelet(
    parseKubeletConfig({ file }).config,
    { nodeName: 'n1' },
    { ...node.adapters, ...adapters },
  );
  end = new AbortController();
  run = kubelet.run(end.signal);
  return { ...node, clock };
}

/** A node whose cgroups are slices of a systemd in memory. */
function withSystemd(config: object): { node: ReturnType<typeof start>; units: MemorySystemd } {
  const clock = new ManualClock();
  const cgroups = new MemoryCgroups({ clock, driver: 'systemd' });
  const units = new MemorySystemd(cgroups);
  const opened = openSystemdTree({
    ...{ files: cgroups.tree, version: 2, clock, log: SILENT_LOGGER },
    isBusy: async (path) => cgroups.isBusy(path),
    dbus: new LastingDbus({ open: () => units.bus.open(), clock }),
  });
  const node = start(config, { clock }, { cgroups: async () => opened });
  return { node: { ...node, cgroups, clock }, units };
}

afterEach(async () => {
  end.abort(new Error('the test is over'));
  await run.catch(() => undefined);
});

describe(createKubelet, () => {
  it('registers the node and runs a pod that the API binds to it', async () => {
    const { clock, api, runtime } = start({});
    await clock.advance(1000);
    await api.create(PODS, MANIFEST, end.signal);
    await clock.advance(5000);
    const pod = await api.get(PODS, { namespace: 'default', name: 'web' }, end.signal);
    expect(pod.status).toMatchObject({ phase: 'Running' });
    expect(await runtime.listContainers({ state: 'running' }, end.signal)).toHaveLength(1);
  });

  it('has systemd hold its pods to their limits, and reports what is overwritten', async () => {
    const systemd = withSystemd({
      ...{ cgroupDriver: 'systemd', podPidsLimit: 50 },
      featureGates: { MemoryQoS: true },
    });
    const { clock, api, cgroups } = systemd.node;
    await clock.advance(1000);
    const resources = { limits: { cpu: '123m', memory: '64Mi' } };
    const containers = [{ name: 'app', image: 'app:1', resources }];
    await api.create(PODS, { ...MANIFEST, spec: { nodeName: 'n1', containers } }, end.signal);
    await clock.advance(5000);
    const pod = await api.get(PODS, { namespace: 'default', name: 'web' }, end.signal);
    const names = ['kubepods', `pod${pod.metadata?.uid}`];
    const [unit, path] = [sliceName(names), cgroups.pathOf(names)];
    const slices = ['kubepods-besteffort.slice', 'kubepods-burstable.slice', unit];
    expect(new Set(systemd.units.units)).toEqual(new Set([...slices, 'kubepods.slice']));
    expect(systemd.units.property(unit, 'CPUQuotaPerSecUSec')).toBe(130_000n);
    expect(systemd.units.property(unit, 'MemoryMax')).toBe(67_108_864n);
    expect(systemd.units.property('kubepods.slice', 'MemoryMin')).toBe(0n);
    expect(systemd.units.property('kubepods-burstable.slice', 'MemoryLow')).toBe(0n);
    expect(systemd.units.property('kubepods.slice', 'TasksMax')).toBeDefined();
    await cgroups.tree.ensure(names, { pidsMax: -1 });
    systemd.units.restart(); // may have reloaded its units while nobody listened
    await clock.advance(15_000);
    expect(cgroups.valuesOf(path)).toMatchObject({ pidsMax: 50, cpuQuotaUs: 13_000 });
    const { items } = await api.list(EVENTS, { namespace: 'default' }, end.signal);
    const reasons = items.map(({ reason }) => reason);
    expect(reasons).toContain('CgroupLimitsDiffer');
    expect(reasons).toContain('NodeAllocatableEnforced');
  });

  it('passes the address range of its pods to the runtime', async () => {
    const { clock, api, runtime } = start({ podCIDR: '10.1.0.0/24' });
    await clock.advance(1000);
    const node = await api.get(NODES, { name: 'n1' }, end.signal);
    const ranges = { podCIDR: '10.2.0.0/24', podCIDRs: ['10.2.0.0/24'] };
    await api.replace(NODES, { ...node, spec: { ...node.spec, ...ranges } }, {}, end.signal);
    await clock.advance(15_000);
    const passed = runtime.calls.recorded
      .filter(({ method }) => method === 'updateRuntimeConfig')
      .map(({ argument }) => argument);
    expect(passed).toEqual(['10.1.0.0/24', '10.2.0.0/24']);
  });

  it('limits a pod by its cgroup and records its allocated resources', async () => {
    const { clock, api, cgroups, disk } = start({ cgroupDriver: 'cgroupfs' });
    await clock.advance(1000);
    const resources = { requests: { cpu: '100m' }, limits: { cpu: '200m', memory: '64Mi' } };
    const containers = [{ name: 'app', image: 'app:1', resources }];
    await api.create(PODS, { ...MANIFEST, spec: { nodeName: 'n1', containers } }, end.signal);
    await clock.advance(5000);
    const burstable = ['kubepods', 'burstable'];
    const [pod = ''] = await cgroups.tree.children(burstable);
    expect(await cgroups.tree.limits([...burstable, pod])).toMatchObject({
      memoryLimitBytes: 64 * 2 ** 20,
      cpuQuotaUs: 20_000,
    });
    expect(disk.read('/var/lib/kubelet/allocated_pods_state')).toContain('64Mi');
  });

  it('puts the cgroup of all pods below cgroupRoot', async () => {
    const { clock, cgroups } = start({ cgroupDriver: 'cgroupfs', cgroupRoot: '/machine/pods' });
    await clock.advance(1000);
    expect(await cgroups.tree.children(['machine', 'pods'])).toEqual(['kubepods']);
  });

  it.each([
    ['limits all pods by default to what is not reserved', {}, 3 * 2 ** 30],
    [
      'with enforceNodeAllocatable none limits them to the capacity',
      { enforceNodeAllocatable: ['none'] },
      4 * 2 ** 30,
    ],
  ])('%s', async (_, config, memoryLimitBytes) => {
    const systemReserved = { memory: '1Gi' };
    const { clock, cgroups } = start({ cgroupDriver: 'cgroupfs', systemReserved, ...config });
    await clock.advance(1000);
    expect(cgroups.valuesOf('/kubepods')).toEqual({
      ...{ cpuShares: 2048, memoryLimitBytes, pidsMax: 32_768 },
    });
  });

  const reserving = {
    cgroupDriver: 'cgroupfs',
    systemReserved: { cpu: '500m', memory: '1Gi', pid: '64' },
    systemReservedCgroup: '/system',
    enforceNodeAllocatable: ['pods', 'system-reserved'],
  };

  it('limits the cgroup of the system to what is reserved for it', async () => {
    const config = { ...reserving, featureGates: { MemoryQoS: true } };
    const { clock, cgroups, api } = start(config, { otherCgroups: ['/system'] });
    await clock.advance(1000);
    const memory = { memoryLimitBytes: 2 ** 30, memoryMinBytes: 2 ** 30 };
    expect(cgroups.valuesOf('/system')).toEqual({ cpuShares: 512, ...memory, pidsMax: 64 });
    await clock.advance(1000);
    const { items } = await api.list(EVENTS, {}, end.signal);
    expect(items.map((item) => (item as { message?: string }).message)).toContain(
      'Updated limits on system reserved cgroup /system',
    );
  });

  it('does not start without the cgroup of the system', async () => {
    const { clock } = start(reserving);
    const ended = expect(run).rejects.toThrow(
      /systemReservedCgroup.*Failed to enforce System Reserved Cgroup Limits on "\/system"/s,
    );
    await clock.advance(1000);
    await ended;
  });

  it('weighs Burstable pods together by their requests, each minute anew', async () => {
    const { clock, api, cgroups } = start({ cgroupDriver: 'cgroupfs' });
    await clock.advance(1000);
    const weight = (): number | undefined => cgroups.valuesOf('/kubepods/burstable')?.cpuShares;
    const create = async (name: string): Promise<void> => {
      const resources = { requests: { cpu: '500m' } };
      const containers = [{ name: 'app', image: 'app:1', resources }];
      const metadata = { namespace: 'default', name, uid: name };
      await api.create(PODS, { metadata, spec: { nodeName: 'n1', containers } }, end.signal);
      await clock.advance(5000);
    };
    expect(weight()).toBe(2);
    await create('a');
    expect(weight()).toBe(512);
    await create('b');
    expect(weight()).toBe(1024);
    await cgroups.tree.ensure(['kubepods', 'burstable'], { cpuShares: 7 });
    await clock.advance(60_000);
    expect(weight()).toBe(1024);
    await api.delete(
      PODS,
      { namespace: 'default', name: 'a' },
      { gracePeriodSeconds: 0 },
      end.signal,
    );
    await clock.advance(100_000);
    expect(weight()).toBe(512);
  });

  it('with cgroupsPerQOS false makes no cgroups', async () => {
    const { clock, cgroups } = start({
      ...{ cgroupDriver: 'cgroupfs', cgroupsPerQOS: false, enforceNodeAllocatable: ['none'] },
    });
    await clock.advance(1000);
    expect(await cgroups.tree.children([])).toEqual([]);
  });

  it.each([
    ['1s', true],
    ['10m', false],
  ])('looks at pods again after syncFrequency: %s', async (syncFrequency, again) => {
    const { clock, api, runtime } = start({ syncFrequency });
    await api.create(PODS, MANIFEST, end.signal);
    await clock.advance(10_000);
    const before = runtime.calls.recorded.length;
    await clock.advance(4000);
    const observed = runtime.calls.recorded
      .slice(before)
      .filter(({ method }) => method === 'listPodSandbox');
    expect(observed.length > 2).toBe(again);
  });

  it('removes images that were unused for longer than imageMaximumGCAge', async () => {
    const { clock, runtime } = start({ imageMaximumGCAge: '3m' });
    runtime.images.add('old:1');
    await clock.advance(60_000);
    expect(runtime.images.find('old:1')).toBeDefined();
    await clock.advance(300_000);
    expect(runtime.images.find('old:1')).toBeUndefined();
  });

  it('removes unused images, and their records, at once when a pull finds no space', async () => {
    const { clock, api, runtime, disk } = start({});
    await clock.advance(1000);
    await api.create(PODS, MANIFEST, end.signal);
    await clock.advance(5000);
    const used = runtime.images.find('app:1');
    await api.delete(PODS, { namespace: 'default', name: 'web' }, {}, end.signal);
    await clock.advance(500_000);
    const records = (): readonly string[] =>
      [...disk.files().keys()].filter((path) => path.includes('/image_manager/pulled/'));
    expect(used).toBeDefined();
    expect(records()).toHaveLength(1);
    const detail = 'write /blob: no space left on device';
    runtime.calls.failNext(
      'pullImage',
      new CriError('CRI_UNKNOWN', detail, { method: 'PullImage' }),
    );
    const containers = [{ name: 'app', image: 'big:1' }];
    const big = { metadata: { ...MANIFEST.metadata, name: 'big', uid: 'uid-2' } };
    await api.create(PODS, { ...big, spec: { nodeName: 'n1', containers } }, end.signal);
    await clock.advance(5000);
    expect(runtime.images.find('app:1')).toBeUndefined();
    expect(records()).toEqual([]);
  });

  it('keeps as many ended containers as its identity says', async () => {
    const clock = new ManualClock();
    const node = createMemoryNode({ images: ['app:1'], clock });
    const containerGc = { minAgeMs: 0, perContainer: 3, total: 4 };
    const identity = { nodeName: 'n1', containerGc };
    const { config } = parseKubeletConfig({ file: { value: {}, directory: '/' } });
    const kubelet = createKubelet(config, identity, node.adapters);
    end = new AbortController();
    run = kubelet.run(end.signal);
    const { api, runtime } = node;
    await clock.advance(1000);
    runtime.program('app', { runsMs: 100, exit: { exitCode: 1 } });
    const ended = async (name: string): Promise<number> => {
      const all = await runtime.listContainers({ state: 'exited' }, end.signal);
      return all.filter(({ labels }) => labels['io.kubernetes.pod.name'] === name).length;
    };
    await api.create(PODS, MANIFEST, end.signal);
    await clock.advance(300_000);
    expect(await ended('web')).toBe(3);
    const metadata = { namespace: 'default', name: 'job', uid: 'uid-2' };
    const spec = { ...MANIFEST.spec, restartPolicy: 'Never' };
    await api.create(PODS, { metadata, spec }, end.signal);
    await clock.advance(61_000);
    expect([await ended('web'), await ended('job')]).toEqual([3, 1]);
    for (const name of ['job-2', 'job-3']) {
      await api.create(PODS, { metadata: { ...metadata, name, uid: name }, spec }, end.signal);
    }
    await clock.advance(61_000);
    expect((await runtime.listContainers({ state: 'exited' }, end.signal)).length).toBe(4);
  });

  it('reports that containers cannot be collected', async () => {
    const { clock, api, runtime } = start({});
    await clock.advance(1000);
    runtime.calls.failNext(
      'listPodSandbox',
      new CriError('CRI_INTERNAL', 'no list', { method: 'any' }),
      1000,
    );
    await clock.advance(60_000);
    const { items } = await api.list(EVENTS, {}, end.signal);
    expect(items.map(({ reason }) => reason)).toContain('ContainerGCFailed');
  });

  it('sets its own score by oomScoreAdj', async () => {
    const { clock, oomScores } = start({ oomScoreAdj: -500 });
    await clock.advance(1000);
    expect(oomScores).toEqual([-500]);
  });

  it('sets its own limit of open files by maxOpenFiles', async () => {
    const { clock, openFileLimits } = start({ maxOpenFiles: 5000 });
    await clock.advance(1000);
    expect(openFileLimits).toEqual([5000]);
  });

  it('gives the kernel the settings that pods need', async () => {
    const { clock, kernelSettings } = start({});
    await clock.advance(1000);
    expect(kernelSettings.values.get('vm/overcommit_memory')).toBe(1);
  });

  it('with protectKernelDefaults starts only if the kernel has these settings', async () => {
    const { clock, kernelSettings } = start({ protectKernelDefaults: true });
    const ended = expect(run).rejects.toMatchObject({ code: 'KERNEL_SETTING' });
    await clock.advance(1000);
    await ended;
    expect(kernelSettings.values.get('vm/overcommit_memory')).toBe(0);
  });

  it('measures its own start and that of its pods', async () => {
    const { clock, api, metrics } = start({ cgroupDriver: 'cgroupfs', serializeImagePulls: false });
    await clock.advance(1000);
    const metadata = { ...MANIFEST.metadata, creationTimestamp: '2026-01-01T00:00:00Z' };
    const container = { name: 'app', image: 'app:1', imagePullPolicy: 'IfNotPresent' };
    const debug = { name: 'debug', image: 'app:1', targetContainerName: 'app' };
    const spec = {
      nodeName: 'n1',
      containers: [container, { ...container, name: 'b' }],
    };
    const pod = { metadata, spec: { ...spec, ephemeralContainers: [debug] } };
    await api.create(PODS, pod, end.signal);
    await clock.advance(30_000);
    const { values, observations } = metrics;
    expect(Object.fromEntries(values)).toMatchObject({
      'kubelet_node_name{node="n1"}': 0,
      kubelet_cgroup_version: 2,
      kubelet_node_startup_registration_duration_seconds: 0,
      kubelet_managed_ephemeral_containers: 1,
      'kubelet_image_manager_ensure_image_requests_total{present_locally="false",pull_policy="ifnotpresent",pull_required="true"}': 1,
      kubelet_imagemanager_ondisk_pulledrecords: 1,
      kubelet_imagemanager_ondisk_pullintents: 0,
      kubelet_orphan_pod_cleaned_volumes: 0,
    });
    const present =
      'kubelet_image_manager_ensure_image_requests_total{present_locally="true",pull_policy="ifnotpresent",pull_required="false"}';
    expect(values.get(present)).toBeGreaterThan(1);
    for (const step of ['pre_registration_', 'post_registration_']) {
      expect(values.has(`kubelet_node_startup_${step}duration_seconds`)).toBe(true);
    }
    expect(observations.get('kubelet_containers_per_pod_count')).toEqual([2]);
    expect(observations.get('kubelet_pod_worker_start_duration_seconds')).toEqual([0]);
    for (const operation of ['create', 'update']) {
      const series = `kubelet_cgroup_manager_duration_seconds{operation_type="${operation}"}`;
      expect(observations.get(series)).toContain(0);
    }
  });

  it('refuses a configuration before it opens the runtime or creates a file', async () => {
    const { disk, runtime } = start({ failCgroupV1: true }, { machine: { cgroupVersion: 1 } });
    await expect(run).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(disk.names('/')).toEqual([]);
    expect(runtime.calls.recorded).toEqual([]);
  });

  it('reports events by the client for events', async () => {
    const clock = new ManualClock();
    const { adapters, api } = createMemoryNode({ clock });
    const events = createMemoryKubeClient({ clock });
    const openApi: typeof adapters.openApi = async (signal) => {
      const connection = await adapters.openApi?.(signal);
      if (connection === undefined) throw new Error('the node has an API server');
      return { ...connection, events };
    };
    end = new AbortController();
    const { config } = parseKubeletConfig();
    run = createKubelet(config, { nodeName: 'n1' }, { ...adapters, openApi }).run(end.signal);
    await clock.advance(3000);
    expect((await events.list(EVENTS, {}, end.signal)).items).not.toEqual([]);
    expect((await api.list(EVENTS, {}, end.signal)).items).toEqual([]);
  });

  it('runs without an API server, and logs its events', async () => {
    const { clock, log } = start({}, { standalone: true });
    await clock.advance(5000);
    expect(log.lines.map(({ message }) => message)).toContain(
      'no --kubeconfig: the kubelet runs static pods only and ends all others',
    );
    expect(end.signal.aborted).toBe(false);
  });
});
