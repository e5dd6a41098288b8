import type { CgroupLimits } from '@nodeagent/cgroups';
import {
  containerId,
  isCriError,
  type LinuxResources,
  type RuntimeService,
  sandboxId,
} from '@nodeagent/cri-client';
import type { Container, Pod } from '@nodeagent/kube-client';

import {
  type ContainerAmounts,
  type ContainerResize,
  findContainer,
  podUid,
  type ResizePodRequest,
  resourcesOf,
} from '../../pod/index.js';
import { limitGrowth } from '../../resources/index.js';
import type { PodCgroups } from '../../resources/run/index.js';
import {
  containerResources,
  overheadResources,
  type ResourceSettings,
} from '../plan/container-resources.js';
import type { ActuatedRecords } from '../ports.js';

export interface ResizerPorts {
  readonly cri: Pick<
    RuntimeService,
    'updateContainerResources' | 'updatePodSandboxResources' | 'containerStats'
  >;
  readonly cgroups: Pick<PodCgroups, 'limits' | 'wanted' | 'setLimits' | 'memoryUsage'>;
  readonly resources?: ActuatedRecords | undefined;
}

/** Both have requests and limits; they are changed one after the other. */
type Kind = 'memory' | 'cpu';

/** The state that the steps of one resize share. */
interface Resize {
  readonly ports: ResizerPorts;
  readonly request: ResizePodRequest;
  readonly settings: ResourceSettings;
  /**
   * The current limits of the pod's cgroup, updated by each step; undefined if pods have no
   * cgroups.
   */
  has: CgroupLimits | undefined;
  readonly wanted: CgroupLimits;
  /** By container name: the amounts set so far. */
  readonly given: Map<string, ContainerAmounts>;
}

/**
 * Changes the resources of a running pod. Increases go from the pod to its containers, decreases
 * from the containers to the pod, so that no container ever has more than its pod.
 *
 * @throws if the memory limit would fall below the current usage, before any change; and the first
 *   failure of the runtime or the kernel, which leaves earlier changes in place
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_manager.go, doPodResizeAction
 */
export async function resizePod(
  request: ResizePodRequest,
  ports: ResizerPorts,
  settings: ResourceSettings,
  signal: AbortSignal,
): Promise<void> {
  const { pod, memory, cpu } = request;
  const [has, wanted] = [await ports.cgroups.limits(pod), ports.cgroups.wanted(pod)];
  const given = new Map([...memory, ...cpu].map(({ name, from }) => [name, from]));
  const resize: Resize = { ports, request, settings, has, wanted, given };
  await assertMemoryFits(resize, signal);
  await change('memory', resize, signal);
  await change('cpu', resize, signal);
  const whole = pod.spec?.resources;
  if (whole !== undefined) ports.resources?.setActuatedPod(podUid(pod), whole);
}

async function change(kind: Kind, resize: Resize, signal: AbortSignal): Promise<void> {
  const { has, wanted, request } = resize;
  const limits = limitsOf(kind);
  const growth = (name: keyof CgroupLimits): number =>
    has === undefined ? 0 : limitGrowth(has[name], wanted[name]);
  const ceiling = growth(limits[0] as keyof CgroupLimits);
  const shares = kind === 'cpu' ? growth('cpuShares') : 0;
  if (ceiling > 0) await setPod(limits, resize, signal);
  if (shares > 0) await setPod(['cpuShares'], resize, signal);
  for (const container of request[kind]) await setContainer(kind, { container, resize }, signal);
  if (shares < 0) await setPod(['cpuShares'], resize, signal);
  if (ceiling < 0) await setPod(limits, resize, signal);
}

function limitsOf(kind: Kind): readonly (keyof CgroupLimits)[] {
  return kind === 'memory' ? ['memoryLimitBytes'] : ['cpuQuotaUs', 'cpuPeriodUs'];
}

/** The sandbox is updated first: the runtime may know a reason why the change is impossible. */
async function setPod(
  names: readonly (keyof CgroupLimits)[],
  resize: Resize,
  signal: AbortSignal,
): Promise<void> {
  const { ports, has = {}, wanted, request } = resize;
  const values = Object.fromEntries(names.map((name) => [name, wanted[name]]));
  const next = { ...has, ...values };
  await updateSandbox(next, resize, signal);
  try {
    await ports.cgroups.setLimits(request.pod, values);
  } catch (error) {
    await updateSandbox(has, resize, signal);
    throw error;
  }
  resize.has = next;
}

/** For runtimes that size more than a cgroup by it; others do not implement the call. */
async function updateSandbox(
  limits: CgroupLimits,
  { ports, request: { pod, sandboxId: id }, settings }: Resize,
  signal: AbortSignal,
): Promise<void> {
  const overhead = overheadResources(pod, settings);
  const resources = withoutOverhead(limits, overhead);
  try {
    const update = { sandboxId: sandboxId(id), overhead, resources };
    await ports.cri.updatePodSandboxResources(update, signal);
  } catch (error) {
    if (isUnimplemented(error)) return;
    throw error;
  }
}

function withoutOverhead(limits: CgroupLimits, overhead: LinuxResources): LinuxResources {
  const { cpuShares, cpuQuotaUs, cpuPeriodUs, memoryLimitBytes } = limits;
  const less = (value: number | undefined, by = 0): number | undefined =>
    value === undefined || value <= 0 ? value : Math.max(0, value - by);
  return {
    ...{ cpuPeriodUs, cpuShares: less(cpuShares, overhead.cpuShares) },
    cpuQuotaUs: less(cpuQuotaUs, overhead.cpuQuotaUs),
    memoryLimitBytes: less(memoryLimitBytes, overhead.memoryLimitBytes),
  };
}

/** containerd 2.2 reports this in its own way. */
function isUnimplemented(error: unknown): boolean {
  if (isCriError(error, 'CRI_UNIMPLEMENTED')) return true;
  return isCriError(error, 'CRI_UNKNOWN') && error.detail.includes('not implemented');
}

async function setContainer(
  kind: Kind,
  { container: { id, name, to }, resize }: Readonly<{ container: ContainerResize; resize: Resize }>,
  signal: AbortSignal,
): Promise<void> {
  const { ports, settings, given, request } = resize;
  const found = findContainer(request.pod, name)?.spec;
  const before = given.get(name);
  if (found === undefined || before === undefined) return;
  const after: ContainerAmounts =
    kind === 'memory'
      ? {
          ...before,
          memoryRequestBytes: to.memoryRequestBytes,
          memoryLimitBytes: to.memoryLimitBytes,
        }
      : { ...before, cpuRequestMilli: to.cpuRequestMilli, cpuLimitMilli: to.cpuLimitMilli };
  const container: Container = { ...found, resources: resourcesOf(after) };
  const linux = containerResources(withContainer(request.pod, container), container, settings);
  await ports.cri.updateContainerResources({ containerId: containerId(id), linux }, signal);
  given.set(name, after);
  ports.resources?.setActuated(podUid(request.pod), name, resourcesOf(after));
}

/** The container with pod-level limits already included in its own. */
function withContainer(pod: Pod, container: Container): Pod {
  const { spec } = pod;
  if (spec === undefined) return pod;
  const replaced = (each: Container): Container =>
    each.name === container.name ? container : each;
  const inits = spec.initContainers?.map(replaced);
  return {
    ...pod,
    spec: {
      ...spec,
      containers: spec.containers.map(replaced),
      ...(inits && { initContainers: inits }),
    },
  };
}

/** The kernel would kill processes that no longer fit. */
async function assertMemoryFits(resize: Resize, signal: AbortSignal): Promise<void> {
  const { request, has, wanted } = resize;
  const { cri, cgroups } = resize.ports;
  const problems: string[] = [];
  const limit = wanted.memoryLimitBytes;
  if (has !== undefined && limit !== undefined && limitGrowth(has.memoryLimitBytes, limit) < 0) {
    const usage = await cgroups.memoryUsage(request.pod);
    if (usage !== undefined && usage >= limit) {
      problems.push(`attempting to set pod memory limit (${limit}) below current usage (${usage})`);
    }
  }
  for (const { id, name, from, to } of request.memory) {
    const next = to.memoryLimitBytes;
    const shrinks = next > 0 && (from.memoryLimitBytes === 0 || next < from.memoryLimitBytes);
    if (!shrinks) continue;
    const { memory } = await cri.containerStats(containerId(id), signal);
    const usage = memory?.usageBytes ?? memory?.workingSetBytes;
    if (usage === undefined) problems.push(`missing container "${name}" memory usage`);
    else if (usage >= next) {
      problems.push(
        `attempting to set container "${name}" memory limit (${next}) below current usage (${usage})`,
      );
    }
  }
  if (problems.length === 0) return;
  const [only = ''] = problems;
  const text = problems.length === 1 ? only : `[${problems.join(', ')}]`;
  throw new Error(`cannot decrease memory limits: ${text}`);
}
