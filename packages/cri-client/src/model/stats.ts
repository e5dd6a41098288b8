import type { ContainerMetadata } from './container.js';
import type { ContainerId, SandboxId } from './ids.js';
import type { FilesystemUsage } from './image.js';
import type { Labels, Seen } from './linux.js';
import type { SandboxMetadata } from './sandbox.js';

/** Pressure stall information of one kind. @see Linux Documentation/accounting/psi.rst */
export interface PsiData {
  /** Time lost so far, in microseconds as the kernel gives it. */
  readonly total: number;
  readonly avg10Percent: number;
  readonly avg60Percent: number;
  readonly avg300Percent: number;
}

/** Pressure stall information of the kernel: `some` tasks waited, or all of them (`full`). */
export interface Psi {
  readonly full?: PsiData | undefined;
  readonly some?: PsiData | undefined;
}

/** CPU time since the start of the container. */
export interface CpuUsage {
  readonly atMs: number;
  /** Cumulative over all cores; whole up to 2^53 ns, 104 days of CPU time, then rounded. */
  readonly usageCoreNs?: number | undefined;
  /** Over the runtime's own window; 10^9 is one core. */
  readonly usageNanoCores?: number | undefined;
  readonly psi?: Psi | undefined;
}

/** Memory in bytes; page faults are totals since the start. */
export interface MemoryUsage {
  readonly atMs: number;
  readonly workingSetBytes?: number | undefined;
  readonly availableBytes?: number | undefined;
  readonly usageBytes?: number | undefined;
  readonly rssBytes?: number | undefined;
  readonly pageFaults?: number | undefined;
  readonly majorPageFaults?: number | undefined;
  readonly psi?: Psi | undefined;
}

/** Time lost while waiting for disks. */
export interface IoUsage {
  readonly atMs: number;
  readonly psi?: Psi | undefined;
}

/** Swap in bytes; absent fields where the machine has none. */
export interface SwapUsage {
  readonly atMs: number;
  readonly availableBytes?: number | undefined;
  readonly usageBytes?: number | undefined;
}

/** Totals since the interface was made. */
export interface NetworkInterfaceUsage {
  readonly name: string;
  readonly rxBytes?: number | undefined;
  readonly rxErrors?: number | undefined;
  readonly txBytes?: number | undefined;
  readonly txErrors?: number | undefined;
}

/** Traffic of a pod, over all containers. */
export interface NetworkUsage {
  readonly atMs: number;
  readonly defaultInterface?: NetworkInterfaceUsage | undefined;
  /** Includes the default interface. */
  readonly interfaces: readonly NetworkInterfaceUsage[];
}

/** Number of processes in a pod. */
export interface ProcessUsage {
  readonly atMs: number;
  readonly processCount?: number | undefined;
}

/** Resource use of one container. Absent parts were not measured. */
export interface ContainerStats {
  readonly id: ContainerId;
  readonly metadata?: ContainerMetadata | undefined;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly cpu?: CpuUsage | undefined;
  readonly memory?: MemoryUsage | undefined;
  readonly writableLayer?: FilesystemUsage | undefined;
  readonly swap?: SwapUsage | undefined;
  readonly io?: IoUsage | undefined;
}

/** Resource use of a pod with its containers. */
export interface SandboxStats {
  readonly id: SandboxId;
  readonly metadata?: SandboxMetadata | undefined;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly cpu?: CpuUsage | undefined;
  readonly memory?: MemoryUsage | undefined;
  readonly network?: NetworkUsage | undefined;
  readonly process?: ProcessUsage | undefined;
  readonly io?: IoUsage | undefined;
  readonly containers: readonly ContainerStats[];
}

/** An object must match every given field. */
export interface ContainerStatsFilter {
  readonly id?: ContainerId | undefined;
  readonly sandboxId?: SandboxId | undefined;
  readonly labels?: Labels | undefined;
}

/** An object must match every given field. */
export interface SandboxStatsFilter {
  readonly id?: SandboxId | undefined;
  readonly labels?: Labels | undefined;
}

/** The name, help text and labels of metrics in `ListPodSandboxMetrics`. */
export interface MetricDescriptor {
  readonly name: string;
  readonly help: string;
  readonly labelKeys: readonly string[];
}

/** One sample of a metric that `ListMetricDescriptors` names. */
export interface Metric {
  readonly name: string;
  readonly atMs: number;
  readonly type: Seen<'counter' | 'gauge'>;
  /** In the order of the descriptor's `labelKeys`. */
  readonly labelValues: readonly string[];
  readonly value?: number | undefined;
}

/** Metrics of one container, in the form that cAdvisor had. */
export interface ContainerMetrics {
  readonly containerId: ContainerId;
  readonly metrics: readonly Metric[];
}

/** Metrics of a pod and of its containers. */
export interface SandboxMetrics {
  readonly sandboxId: SandboxId;
  readonly metrics: readonly Metric[];
  readonly containers: readonly ContainerMetrics[];
}
