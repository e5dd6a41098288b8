import type { Clock } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';

import type {
  Container,
  ContainerFilter,
  ContainerStatus,
  ExecResult,
} from '../model/container.js';
import type { ContainerEvent } from '../model/event.js';
import type { ContainerId, SandboxId } from '../model/ids.js';
import type {
  CgroupDriver,
  RuntimeConfiguration,
  RuntimeStatus,
  RuntimeVersion,
} from '../model/runtime.js';
import type { Sandbox, SandboxFilter, SandboxStatus } from '../model/sandbox.js';
import type {
  ContainerStats,
  ContainerStatsFilter,
  MetricDescriptor,
  SandboxMetrics,
  SandboxStats,
  SandboxStatsFilter,
} from '../model/stats.js';
import type {
  AttachRequest,
  CheckpointContainerRequest,
  CreateContainerRequest,
  DebugInfo,
  ExecRequest,
  ExecSyncRequest,
  PortForwardRequest,
  RunPodSandboxRequest,
  RuntimeService,
  UpdateContainerResourcesRequest,
  UpdatePodSandboxResourcesRequest,
} from '../ports.js';
import { MemoryCalls, type OptionalCall } from './memory-calls.js';
import { runCommand } from './memory-exec.js';
import { MemoryFigures } from './memory-figures.js';
import { MemoryImages } from './memory-images.js';
import { type ExitOptions, KILLED, MemoryPods, refused } from './memory-pods.js';
import type { Program } from './memory-program.js';
import {
  type ContainerRecord,
  stateOf,
  toContainerStatus,
  toSandboxStatus,
} from './memory-state.js';
import { LAST_SEEN, type MemoryUsageOptions, metricsOf } from './memory-stats.js';

/** The clock, and the features that this runtime lacks, to stand for an old one. */
export interface MemoryRuntimeOptions {
  /** The system's clocks when absent. */
  readonly clock?: Clock;
  /** The optional calls that this runtime has; all of them when absent. */
  readonly lacks?: readonly OptionalCall[];
  readonly cgroupDriver?: CgroupDriver;
  /** Called with the path of each log that a container opens, at its start and on `reopenContainerLog`. */
  readonly openLog?: (path: string) => void;
}

/**
 * An in-memory container runtime that keeps CRI's rules; passes the same contract suite as
 * containerd. Its clock decides when programs end and how long delayed calls take.
 */
export class MemoryRuntime implements RuntimeService {
  readonly images: MemoryImages;
  /** Records calls; delays them and makes them fail on request. */
  readonly calls: MemoryCalls;
  runtimeStatus: RuntimeStatus = {
    conditions: ['RuntimeReady', 'NetworkReady'].map((type) => {
      return { type, status: true, reason: '', message: '' };
    }),
    handlers: [{ name: '', recursiveReadOnlyMounts: true, userNamespaces: true }],
    features: { supplementalGroupsPolicy: true, userNamespacesHostNetwork: false },
  };
  readonly #clock: Clock;
  readonly #lacks: ReadonlySet<OptionalCall>;
  readonly #cgroupDriver: CgroupDriver;
  readonly #pods: MemoryPods;
  readonly #programs = new Map<string, Program>();
  readonly #figures: MemoryFigures;

  constructor(options: MemoryRuntimeOptions = {}) {
    const { clock = createSystemClock(), cgroupDriver = 'cgroupfs', openLog } = options;
    this.#clock = clock;
    this.#lacks = new Set(options.lacks);
    this.#cgroupDriver = cgroupDriver;
    this.calls = new MemoryCalls(clock);
    this.images = new MemoryImages(clock, this.calls);
    const onStart = (record: ContainerRecord, signal: AbortSignal): void =>
      void this.#play(record, signal);
    this.#pods = new MemoryPods(clock, { onStart, openLog });
    this.#figures = new MemoryFigures(this.#pods, clock);
  }

  /** Sets the program of containers with this name, for those that start later. */
  program(containerName: string, program: Program): void {
    this.#programs.set(containerName, program);
  }

  /** Ends the program of a running container now. */
  exitContainer(id: ContainerId, options: ExitOptions = {}): void {
    this.#pods.endContainer(this.#pods.running(id, 'exitContainer'), options);
  }

  /** Kills the sandbox's own process, and with it the containers that share its process namespace. */
  killSandbox(id: SandboxId): void {
    this.#pods.killSandbox(this.#pods.sandbox(id, 'killSandbox'));
  }

  setUsage(id: ContainerId, usage: MemoryUsageOptions): void {
    this.#figures.set(id, usage);
  }

  async version(signal: AbortSignal): Promise<RuntimeVersion> {
    await this.calls.enter('version', undefined, signal);
    return {
      version: '0.1.0',
      runtimeName: 'memory',
      runtimeVersion: '1.0.0',
      runtimeApiVersion: 'v1',
    };
  }

  async status(signal: AbortSignal): Promise<RuntimeStatus> {
    await this.calls.enter('status', undefined, signal);
    return this.runtimeStatus;
  }

  async statusInfo(signal: AbortSignal): Promise<DebugInfo> {
    await this.calls.enter('statusInfo', undefined, signal);
    return { config: '{}' };
  }

  async runtimeConfig(signal: AbortSignal): Promise<RuntimeConfiguration> {
    await this.calls.enter('runtimeConfig', undefined, signal);
    this.#need('runtimeConfig', 'RuntimeConfig');
    return { cgroupDriver: this.#cgroupDriver };
  }

  async updateRuntimeConfig(podCidr: string, signal: AbortSignal): Promise<void> {
    await this.calls.enter('updateRuntimeConfig', podCidr, signal);
  }

  async runPodSandbox(request: RunPodSandboxRequest, signal: AbortSignal): Promise<SandboxId> {
    await this.calls.enter('runPodSandbox', request, signal);
    return this.#pods.addSandbox(request).id;
  }

  async stopPodSandbox(id: SandboxId, signal: AbortSignal): Promise<void> {
    await this.calls.enter('stopPodSandbox', id, signal);
    const record = this.#pods.sandboxes.get(id);
    if (record !== undefined) this.#pods.stopSandbox(record);
  }

  async removePodSandbox(id: SandboxId, signal: AbortSignal): Promise<void> {
    await this.calls.enter('removePodSandbox', id, signal);
    const record = this.#pods.sandboxes.get(id);
    if (record !== undefined) this.#pods.removeSandbox(record);
  }

  async podSandboxStatus(id: SandboxId, signal: AbortSignal): Promise<SandboxStatus> {
    await this.calls.enter('podSandboxStatus', id, signal);
    return toSandboxStatus(this.#pods.sandbox(id, 'RuntimeService/PodSandboxStatus'));
  }

  async podSandboxInfo(id: SandboxId, signal: AbortSignal): Promise<DebugInfo> {
    await this.calls.enter('podSandboxInfo', id, signal);
    const { config } = this.#pods.sandbox(id, 'RuntimeService/PodSandboxStatus');
    return { info: JSON.stringify({ config }) };
  }

  async listPodSandbox(filter: SandboxFilter, signal: AbortSignal): Promise<readonly Sandbox[]> {
    await this.calls.enter('listPodSandbox', filter, signal);
    return this.#pods.listSandboxes(filter);
  }

  async *streamPodSandboxes(
    filter: SandboxFilter,
    signal: AbortSignal,
  ): AsyncIterable<readonly Sandbox[]> {
    await this.calls.enter('streamPodSandboxes', filter, signal);
    this.#need('streamingLists', 'StreamPodSandboxes');
    for (const sandbox of this.#pods.listSandboxes(filter)) yield [sandbox];
  }

  async updatePodSandboxResources(
    request: UpdatePodSandboxResourcesRequest,
    signal: AbortSignal,
  ): Promise<void> {
    await this.calls.enter('updatePodSandboxResources', request, signal);
    this.#pods.sandbox(request.sandboxId, 'RuntimeService/UpdatePodSandboxResources');
  }

  async createContainer(
    request: CreateContainerRequest,
    signal: AbortSignal,
  ): Promise<ContainerId> {
    await this.calls.enter('createContainer', request, signal);
    const image = this.images.find(request.config.image.image);
    return this.#pods.addContainer(request, image).id;
  }

  async startContainer(id: ContainerId, signal: AbortSignal): Promise<void> {
    await this.calls.enter('startContainer', id, signal);
    const record = this.#pods.container(id, 'RuntimeService/StartContainer');
    const { startFailure } = this.#programOf(record);
    this.#pods.startContainer(record, startFailure);
  }

  async stopContainer(id: ContainerId, graceMs: number, signal: AbortSignal): Promise<void> {
    await this.calls.enter('stopContainer', { id, graceMs }, signal);
    const record = this.#pods.containers.get(id);
    if (record === undefined || stateOf(record) !== 'running') return;
    const { stopsAfterMs = 0, stopExitCode = 0 } = this.#programOf(record);
    const obeys = stopsAfterMs !== 'never' && stopsAfterMs < graceMs;
    const waitMs = obeys ? stopsAfterMs : graceMs;
    if (waitMs > 0) {
      await this.#clock.sleep(waitMs, AbortSignal.any([signal, record.life.signal]));
    }
    signal.throwIfAborted();
    this.#pods.endContainer(record, obeys ? { exitCode: stopExitCode } : KILLED);
  }

  async removeContainer(id: ContainerId, signal: AbortSignal): Promise<void> {
    await this.calls.enter('removeContainer', id, signal);
    const record = this.#pods.containers.get(id);
    if (record !== undefined) this.#pods.removeContainer(record);
  }

  async containerStatus(id: ContainerId, signal: AbortSignal): Promise<ContainerStatus> {
    await this.calls.enter('containerStatus', id, signal);
    return toContainerStatus(this.#pods.container(id, 'RuntimeService/ContainerStatus'));
  }

  async containerInfo(id: ContainerId, signal: AbortSignal): Promise<DebugInfo> {
    await this.calls.enter('containerInfo', id, signal);
    const { config } = this.#pods.container(id, 'RuntimeService/ContainerStatus');
    return { info: JSON.stringify({ config }) };
  }

  async listContainers(
    filter: ContainerFilter,
    signal: AbortSignal,
  ): Promise<readonly Container[]> {
    await this.calls.enter('listContainers', filter, signal);
    return this.#pods.listContainers(filter);
  }

  async *streamContainers(
    filter: ContainerFilter,
    signal: AbortSignal,
  ): AsyncIterable<readonly Container[]> {
    await this.calls.enter('streamContainers', filter, signal);
    this.#need('streamingLists', 'StreamContainers');
    for (const container of this.#pods.listContainers(filter)) yield [container];
  }

  async updateContainerResources(
    request: UpdateContainerResourcesRequest,
    signal: AbortSignal,
  ): Promise<void> {
    await this.calls.enter('updateContainerResources', request, signal);
    const method = 'RuntimeService/UpdateContainerResources';
    const record = this.#pods.container(request.containerId, method);
    record.resources = { ...record.resources, ...request.linux };
  }

  async reopenContainerLog(id: ContainerId, signal: AbortSignal): Promise<void> {
    await this.calls.enter('reopenContainerLog', id, signal);
    this.#pods.openLog(this.#pods.running(id, 'RuntimeService/ReopenContainerLog'));
  }

  async checkpointContainer(
    request: CheckpointContainerRequest,
    signal: AbortSignal,
  ): Promise<void> {
    await this.calls.enter('checkpointContainer', request, signal);
    this.#pods.running(request.containerId, 'RuntimeService/CheckpointContainer');
  }

  async execSync(request: ExecSyncRequest, signal: AbortSignal): Promise<ExecResult> {
    await this.calls.enter('execSync', request, signal);
    const record = this.#pods.running(request.containerId, 'RuntimeService/ExecSync');
    return runCommand(record, this.#programOf(record), request, { clock: this.#clock, signal });
  }

  async exec(request: ExecRequest, signal: AbortSignal): Promise<string> {
    await this.calls.enter('exec', request, signal);
    this.#pods.running(request.containerId, 'RuntimeService/Exec');
    return this.#sessionUrl('exec');
  }

  async attach(request: AttachRequest, signal: AbortSignal): Promise<string> {
    await this.calls.enter('attach', request, signal);
    this.#pods.running(request.containerId, 'RuntimeService/Attach');
    return this.#sessionUrl('attach');
  }

  async portForward(request: PortForwardRequest, signal: AbortSignal): Promise<string> {
    await this.calls.enter('portForward', request, signal);
    this.#pods.sandbox(request.sandboxId, 'RuntimeService/PortForward');
    return this.#sessionUrl('portforward');
  }

  async containerStats(id: ContainerId, signal: AbortSignal): Promise<ContainerStats> {
    await this.calls.enter('containerStats', id, signal);
    return this.#figures.of(this.#pods.container(id, 'RuntimeService/ContainerStats'));
  }

  async listContainerStats(
    filter: ContainerStatsFilter,
    signal: AbortSignal,
  ): Promise<readonly ContainerStats[]> {
    await this.calls.enter('listContainerStats', filter, signal);
    return this.#figures.containers(filter);
  }

  async *streamContainerStats(
    filter: ContainerStatsFilter,
    signal: AbortSignal,
  ): AsyncIterable<readonly ContainerStats[]> {
    await this.calls.enter('streamContainerStats', filter, signal);
    this.#need('streamingLists', 'StreamContainerStats');
    for (const stats of this.#figures.containers(filter)) yield [stats];
  }

  async podSandboxStats(id: SandboxId, signal: AbortSignal): Promise<SandboxStats> {
    await this.calls.enter('podSandboxStats', id, signal);
    this.#need('podSandboxStats', 'PodSandboxStats');
    this.#pods.sandbox(id, 'RuntimeService/PodSandboxStats');
    return this.#figures.sandboxes({ id })[0] as SandboxStats;
  }

  async listPodSandboxStats(
    filter: SandboxStatsFilter,
    signal: AbortSignal,
  ): Promise<readonly SandboxStats[]> {
    await this.calls.enter('listPodSandboxStats', filter, signal);
    this.#need('podSandboxStats', 'ListPodSandboxStats');
    return this.#figures.sandboxes(filter);
  }

  async *streamPodSandboxStats(
    filter: SandboxStatsFilter,
    signal: AbortSignal,
  ): AsyncIterable<readonly SandboxStats[]> {
    await this.calls.enter('streamPodSandboxStats', filter, signal);
    this.#need('streamingLists', 'StreamPodSandboxStats');
    for (const stats of this.#figures.sandboxes(filter)) yield [stats];
  }

  async listMetricDescriptors(signal: AbortSignal): Promise<readonly MetricDescriptor[]> {
    await this.calls.enter('listMetricDescriptors', undefined, signal);
    this.#need('metrics', 'ListMetricDescriptors');
    return [LAST_SEEN];
  }

  async listPodSandboxMetrics(signal: AbortSignal): Promise<readonly SandboxMetrics[]> {
    await this.calls.enter('listPodSandboxMetrics', undefined, signal);
    this.#need('metrics', 'ListPodSandboxMetrics');
    return metricsOf(this.#pods, this.#clock.nowMs());
  }

  async *streamPodSandboxMetrics(signal: AbortSignal): AsyncIterable<readonly SandboxMetrics[]> {
    await this.calls.enter('streamPodSandboxMetrics', undefined, signal);
    this.#need('streamingLists', 'StreamPodSandboxMetrics');
    for (const metrics of metricsOf(this.#pods, this.#clock.nowMs())) yield [metrics];
  }

  async *containerEvents(signal: AbortSignal): AsyncIterable<ContainerEvent> {
    await this.calls.enter('containerEvents', undefined, signal);
    this.#need('containerEvents', 'GetContainerEvents');
    yield* this.#pods.events.read(this.calls.away, signal);
  }

  #need(call: OptionalCall, method: string): void {
    if (!this.#lacks.has(call)) return;
    throw refused('CRI_UNIMPLEMENTED', 'this runtime lacks it', `RuntimeService/${method}`);
  }

  #programOf(record: ContainerRecord): Program {
    return this.#programs.get(record.config.metadata.name) ?? {};
  }

  async #play(record: ContainerRecord, signal: AbortSignal): Promise<void> {
    const { runsMs, exit = {} } = this.#programOf(record);
    if (runsMs === undefined) return;
    if (runsMs > 0 && (await this.#clock.sleep(runsMs, signal)) === 'aborted') return;
    this.#pods.endContainer(record, exit);
  }

  #sessionUrl(kind: string): string {
    return `http://127.0.0.1:1/${kind}/${this.#pods.issuer.token()}`;
  }
}
