import type { Channel, WireMethod } from '@nodeagent/unix-grpc/client';

import {
  decodeContainer,
  decodeContainerStatus,
  encodeContainerConfig,
  encodeContainerFilter,
  missingInContainerStatus,
} from '../codec/container.js';
import { decodeContainerEvent } from '../codec/event.js';
import { KnownItems } from '../codec/known-items.js';
import { encodeResources } from '../codec/linux.js';
import {
  decodeRuntimeConfiguration,
  decodeRuntimeStatus,
  decodeVersion,
  missingInVersion,
} from '../codec/runtime.js';
import {
  decodeSandbox,
  decodeSandboxStatusReply,
  encodeSandboxConfig,
  encodeSandboxFilter,
  missingInSandboxStatus,
} from '../codec/sandbox.js';
import { list, map, orNull, secondsUp } from '../codec/scalar.js';
import {
  decodeContainerStats,
  decodeMetricDescriptor,
  decodeSandboxMetrics,
  decodeSandboxStats,
  encodeContainerStatsFilter,
  encodeSandboxStatsFilter,
} from '../codec/stats.js';
import type { ContainerFilter } from '../model/container.js';
import { containerId, sandboxId } from '../model/ids.js';
import type { SandboxFilter } from '../model/sandbox.js';
import type { RuntimeService } from '../ports.js';
import { runtime } from './generated/runtime-v1.js';
import { RUNTIME } from './methods.js';
import { complete, goneIsDone, nonEmpty, present } from './reply.js';

/** Makes calls on one channel, each with the ordinary deadline or its own. */
class Caller {
  readonly limitMs: number;
  readonly #channel: Channel;

  constructor(channel: Channel, limitMs: number) {
    this.#channel = channel;
    this.limitMs = limitMs;
  }

  unary<Q, A>(method: WireMethod<Q, A>, request: Q, signal: AbortSignal): Promise<A> {
    return this.#channel.call(method, { request, deadlineMs: this.limitMs }, signal);
  }

  within<Q, A>(
    deadlineMs: number | undefined,
    method: WireMethod<Q, A>,
    argument: { readonly request: Q; readonly signal: AbortSignal },
  ): Promise<A> {
    return this.#channel.call(method, { request: argument.request, deadlineMs }, argument.signal);
  }

  batches<Q, A>(method: WireMethod<Q, A>, request: Q, signal: AbortSignal): AsyncIterable<A> {
    return this.#channel.stream(method, { request, deadlineMs: this.limitMs }, signal);
  }

  endless<Q, A>(method: WireMethod<Q, A>, request: Q, signal: AbortSignal): AsyncIterable<A> {
    return this.#channel.stream(method, { request, deadlineMs: undefined }, signal);
  }
}

/** @see Kubernetes 1.36 staging/src/k8s.io/cri-client/pkg/remote_runtime.go for the deadlines */
export function createRuntimeService(channel: Channel, requestTimeoutMs: number): RuntimeService {
  const caller = new Caller(channel, requestTimeoutMs);
  return {
    ...ofRuntime(caller),
    ...ofSandboxes(caller),
    ...ofContainers(caller),
    ...ofSessions(caller),
    ...ofStats(caller),
  };
}

type Part<Name extends keyof RuntimeService> = Pick<RuntimeService, Name>;

function ofRuntime(
  caller: Caller,
): Part<
  'version' | 'status' | 'statusInfo' | 'runtimeConfig' | 'updateRuntimeConfig' | 'containerEvents'
> {
  return {
    version: async (signal) => {
      const reply = await caller.unary(RUNTIME.version, {}, signal);
      return complete(RUNTIME.version, decodeVersion(reply), missingInVersion);
    },
    status: async (signal) => decodeRuntimeStatus(await caller.unary(RUNTIME.status, {}, signal)),
    statusInfo: async (signal) =>
      (await caller.unary(RUNTIME.status, { verbose: true }, signal)).info,
    runtimeConfig: async (signal) =>
      decodeRuntimeConfiguration(await caller.unary(RUNTIME.runtimeConfig, {}, signal)),
    updateRuntimeConfig: async (podCidr, signal) => {
      const request = { runtimeConfig: { networkConfig: { podCidr } } };
      await caller.unary(RUNTIME.updateRuntimeConfig, request, signal);
    },
    containerEvents: async function* (signal) {
      const events = caller.endless(RUNTIME.getContainerEvents, {}, signal);
      for await (const event of events) yield decodeContainerEvent(event);
    },
  };
}

function ofSandboxes(
  caller: Caller,
): Part<
  | 'runPodSandbox'
  | 'stopPodSandbox'
  | 'removePodSandbox'
  | 'podSandboxStatus'
  | 'podSandboxInfo'
  | 'listPodSandbox'
  | 'streamPodSandboxes'
  | 'updatePodSandboxResources'
> {
  const known = new KnownItems((bytes) => decodeSandbox(runtime.v1.PodSandbox.decode(bytes)));
  const found = { ...RUNTIME.listPodSandbox, deserialize: (bytes: Buffer) => known.read(bytes) };
  return {
    runPodSandbox: async ({ config, runtimeHandler }, signal) => {
      const request = {
        config: encodeSandboxConfig(config),
        runtimeHandler: runtimeHandler ?? null,
      };
      const method = RUNTIME.runPodSandbox;
      const reply = await caller.within(caller.limitMs * 2, method, { request, signal });
      return sandboxId(nonEmpty(method, 'pod_sandbox_id', reply.podSandboxId));
    },
    stopPodSandbox: async (id, signal) => {
      await goneIsDone(caller.unary(RUNTIME.stopPodSandbox, { podSandboxId: id }, signal));
    },
    removePodSandbox: async (id, signal) => {
      await goneIsDone(caller.unary(RUNTIME.removePodSandbox, { podSandboxId: id }, signal));
    },
    podSandboxStatus: async (id, signal) => {
      const method = RUNTIME.podSandboxStatus;
      const reply = await caller.unary(method, { podSandboxId: id }, signal);
      return complete(method, decodeSandboxStatusReply(reply), missingInSandboxStatus);
    },
    podSandboxInfo: async (id, signal) => {
      const request = { podSandboxId: id, verbose: true };
      return (await caller.unary(RUNTIME.podSandboxStatus, request, signal)).info;
    },
    listPodSandbox: async (filter, signal) => {
      const items = await caller.unary(found, { filter: encodeSandboxFilter(filter) }, signal);
      if (isOfAll(filter)) known.keepOnly(items);
      return items;
    },
    streamPodSandboxes: async function* (filter, signal) {
      const request = { filter: encodeSandboxFilter(filter) };
      const replies = caller.batches(RUNTIME.streamPodSandboxes, request, signal);
      for await (const { podSandboxes } of replies) yield podSandboxes.map(decodeSandbox);
    },
    updatePodSandboxResources: async ({ sandboxId: id, overhead, resources }, signal) => {
      const request = {
        podSandboxId: id,
        overhead: orNull(overhead, encodeResources),
        resources: orNull(resources, encodeResources),
      };
      await caller.unary(RUNTIME.updatePodSandboxResources, request, signal);
    },
  };
}

function ofContainers(
  caller: Caller,
): Part<
  | 'createContainer'
  | 'startContainer'
  | 'stopContainer'
  | 'removeContainer'
  | 'containerStatus'
  | 'containerInfo'
  | 'listContainers'
  | 'streamContainers'
  | 'updateContainerResources'
  | 'reopenContainerLog'
  | 'checkpointContainer'
> {
  const known = new KnownItems((bytes) => decodeContainer(runtime.v1.Container.decode(bytes)));
  const found = { ...RUNTIME.listContainers, deserialize: (bytes: Buffer) => known.read(bytes) };
  return {
    createContainer: async ({ sandboxId: id, config, sandboxConfig }, signal) => {
      const request = {
        podSandboxId: id,
        config: encodeContainerConfig(config),
        sandboxConfig: encodeSandboxConfig(sandboxConfig),
      };
      const reply = await caller.unary(RUNTIME.createContainer, request, signal);
      return containerId(nonEmpty(RUNTIME.createContainer, 'container_id', reply.containerId));
    },
    startContainer: async (id, signal) => {
      await caller.unary(RUNTIME.startContainer, { containerId: id }, signal);
    },
    stopContainer: async (id, graceMs, signal) => {
      const timeout = secondsUp(graceMs);
      const deadlineMs = caller.limitMs + timeout * 1000;
      const request = { containerId: id, timeout };
      await goneIsDone(caller.within(deadlineMs, RUNTIME.stopContainer, { request, signal }));
    },
    removeContainer: async (id, signal) => {
      await goneIsDone(caller.unary(RUNTIME.removeContainer, { containerId: id }, signal));
    },
    containerStatus: async (id, signal) => {
      const method = RUNTIME.containerStatus;
      const { status } = await caller.unary(method, { containerId: id }, signal);
      const decoded = decodeContainerStatus(present(method, 'status', status));
      return complete(method, decoded, missingInContainerStatus);
    },
    containerInfo: async (id, signal) => {
      const request = { containerId: id, verbose: true };
      return (await caller.unary(RUNTIME.containerStatus, request, signal)).info;
    },
    listContainers: async (filter, signal) => {
      const items = await caller.unary(found, { filter: encodeContainerFilter(filter) }, signal);
      if (isOfAll(filter)) known.keepOnly(items);
      return items;
    },
    streamContainers: async function* (filter, signal) {
      const request = { filter: encodeContainerFilter(filter) };
      const replies = caller.batches(RUNTIME.streamContainers, request, signal);
      for await (const { containers } of replies) yield containers.map(decodeContainer);
    },
    updateContainerResources: async ({ containerId: id, linux, annotations }, signal) => {
      const request = {
        containerId: id,
        linux: orNull(linux, encodeResources),
        annotations: map(annotations),
      };
      await caller.unary(RUNTIME.updateContainerResources, request, signal);
    },
    reopenContainerLog: async (id, signal) => {
      await caller.unary(RUNTIME.reopenContainerLog, { containerId: id }, signal);
    },
    checkpointContainer: async ({ containerId: id, location, timeoutMs = 0 }, signal) => {
      const request = { containerId: id, location, timeout: secondsUp(timeoutMs) };
      const deadlineMs = Math.max(caller.limitMs, timeoutMs);
      await caller.within(deadlineMs, RUNTIME.checkpointContainer, { request, signal });
    },
  };
}

/** A filter without a condition. */
function isOfAll(filter: SandboxFilter | ContainerFilter): boolean {
  return Object.values(filter).every((condition) => condition === undefined);
}

function ofSessions(caller: Caller): Part<'execSync' | 'exec' | 'attach' | 'portForward'> {
  return {
    execSync: async ({ containerId: id, command, timeoutMs }, signal) => {
      const timeout = secondsUp(timeoutMs ?? 0);
      const request = { containerId: id, cmd: list(command), timeout };
      const deadlineMs = timeout === 0 ? undefined : caller.limitMs + timeout * 1000;
      const reply = await caller.within(deadlineMs, RUNTIME.execSync, { request, signal });
      return { stdout: reply.stdout, stderr: reply.stderr, exitCode: reply.exitCode };
    },
    exec: async ({ containerId: id, command, ...streams }, signal) => {
      const request = { containerId: id, cmd: list(command), ...streams };
      const { url } = await caller.unary(RUNTIME.exec, request, signal);
      return nonEmpty(RUNTIME.exec, 'url', url);
    },
    attach: async ({ containerId: id, ...streams }, signal) => {
      const request = { containerId: id, ...streams };
      const { url } = await caller.unary(RUNTIME.attach, request, signal);
      return nonEmpty(RUNTIME.attach, 'url', url);
    },
    portForward: async ({ sandboxId: id, ports }, signal) => {
      const request = { podSandboxId: id, port: list(ports) };
      const { url } = await caller.unary(RUNTIME.portForward, request, signal);
      return nonEmpty(RUNTIME.portForward, 'url', url);
    },
  };
}

function ofStats(
  caller: Caller,
): Part<
  | 'containerStats'
  | 'listContainerStats'
  | 'streamContainerStats'
  | 'podSandboxStats'
  | 'listPodSandboxStats'
  | 'streamPodSandboxStats'
  | 'listMetricDescriptors'
  | 'listPodSandboxMetrics'
  | 'streamPodSandboxMetrics'
> {
  return {
    containerStats: async (id, signal) => {
      const method = RUNTIME.containerStats;
      const { stats } = await caller.unary(method, { containerId: id }, signal);
      return decodeContainerStats(present(method, 'stats', stats));
    },
    listContainerStats: async (filter, signal) => {
      const request = { filter: encodeContainerStatsFilter(filter) };
      const { stats } = await caller.unary(RUNTIME.listContainerStats, request, signal);
      return stats.map(decodeContainerStats);
    },
    streamContainerStats: async function* (filter, signal) {
      const request = { filter: encodeContainerStatsFilter(filter) };
      const replies = caller.batches(RUNTIME.streamContainerStats, request, signal);
      for await (const { containerStats } of replies)
        yield containerStats.map(decodeContainerStats);
    },
    podSandboxStats: async (id, signal) => {
      const method = RUNTIME.podSandboxStats;
      const { stats } = await caller.unary(method, { podSandboxId: id }, signal);
      return decodeSandboxStats(present(method, 'stats', stats));
    },
    listPodSandboxStats: async (filter, signal) => {
      const request = { filter: encodeSandboxStatsFilter(filter) };
      const { stats } = await caller.unary(RUNTIME.listPodSandboxStats, request, signal);
      return stats.map(decodeSandboxStats);
    },
    streamPodSandboxStats: async function* (filter, signal) {
      const request = { filter: encodeSandboxStatsFilter(filter) };
      const replies = caller.batches(RUNTIME.streamPodSandboxStats, request, signal);
      for await (const { podSandboxStats } of replies)
        yield podSandboxStats.map(decodeSandboxStats);
    },
    listMetricDescriptors: async (signal) => {
      const reply = await caller.unary(RUNTIME.listMetricDescriptors, {}, signal);
      return reply.descriptors.map(decodeMetricDescriptor);
    },
    listPodSandboxMetrics: async (signal) => {
      const reply = await caller.unary(RUNTIME.listPodSandboxMetrics, {}, signal);
      return reply.podMetrics.map(decodeSandboxMetrics);
    },
    streamPodSandboxMetrics: async function* (signal) {
      const replies = caller.batches(RUNTIME.streamPodSandboxMetrics, {}, signal);
      for await (const { podSandboxMetrics } of replies) {
        yield podSandboxMetrics.map(decodeSandboxMetrics);
      }
    },
  };
}
