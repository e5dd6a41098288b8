import type { runtime } from '../adapters/generated/runtime-v1.js';
import { containerId, sandboxId } from '../model/ids.js';
import type {
  ContainerStats,
  ContainerStatsFilter,
  CpuUsage,
  IoUsage,
  MemoryUsage,
  Metric,
  MetricDescriptor,
  NetworkInterfaceUsage,
  NetworkUsage,
  Psi,
  PsiData,
  SandboxMetrics,
  SandboxStats,
  SandboxStatsFilter,
} from '../model/stats.js';
import { decodeContainerMetadata } from './container.js';
import { decodeFilesystemUsage } from './image.js';
import { decodeSandboxMetadata } from './sandbox.js';
import { enumCodec, map, optional, toMs, toNumber, unwrapped } from './scalar.js';

const metricType = enumCodec(['counter', 'gauge']);

export function encodeContainerStatsFilter(
  filter: ContainerStatsFilter,
): runtime.v1.ContainerStatsFilter.$Properties {
  return {
    id: filter.id ?? null,
    podSandboxId: filter.sandboxId ?? null,
    labelSelector: map(filter.labels),
  };
}

export function encodeSandboxStatsFilter(
  filter: SandboxStatsFilter,
): runtime.v1.PodSandboxStatsFilter.$Properties {
  return { id: filter.id ?? null, labelSelector: map(filter.labels) };
}

export function decodeContainerStats(
  message: runtime.v1.ContainerStats.$Properties,
): ContainerStats {
  const attributes = message.attributes ?? {};
  return {
    id: containerId(attributes.id ?? ''),
    metadata: optional(attributes.metadata, decodeContainerMetadata),
    labels: attributes.labels ?? {},
    annotations: attributes.annotations ?? {},
    cpu: optional(message.cpu, decodeCpu),
    memory: optional(message.memory, decodeMemory),
    writableLayer: optional(message.writableLayer, decodeFilesystemUsage),
    swap: optional(message.swap, (swap) => ({
      atMs: toMs(swap.timestamp),
      availableBytes: unwrapped(swap.swapAvailableBytes),
      usageBytes: unwrapped(swap.swapUsageBytes),
    })),
    io: optional(message.io, decodeIo),
  };
}

export function decodeSandboxStats(message: runtime.v1.PodSandboxStats.$Properties): SandboxStats {
  const attributes = message.attributes ?? {};
  const linux = message.linux ?? {};
  return {
    id: sandboxId(attributes.id ?? ''),
    metadata: optional(attributes.metadata, decodeSandboxMetadata),
    labels: attributes.labels ?? {},
    annotations: attributes.annotations ?? {},
    cpu: optional(linux.cpu, decodeCpu),
    memory: optional(linux.memory, decodeMemory),
    network: optional(linux.network, decodeNetwork),
    process: optional(linux.process, (process) => ({
      atMs: toMs(process.timestamp),
      processCount: unwrapped(process.processCount),
    })),
    io: optional(linux.io, decodeIo),
    containers: (linux.containers ?? []).map(decodeContainerStats),
  };
}

export function decodeMetricDescriptor(
  message: runtime.v1.MetricDescriptor.$Properties,
): MetricDescriptor {
  return {
    name: message.name ?? '',
    help: message.help ?? '',
    labelKeys: message.labelKeys ?? [],
  };
}

export function decodeSandboxMetrics(
  message: runtime.v1.PodSandboxMetrics.$Properties,
): SandboxMetrics {
  return {
    sandboxId: sandboxId(message.podSandboxId ?? ''),
    metrics: (message.metrics ?? []).map(decodeMetric),
    containers: (message.containerMetrics ?? []).map((of) => ({
      containerId: containerId(of.containerId ?? ''),
      metrics: (of.metrics ?? []).map(decodeMetric),
    })),
  };
}

function decodeMetric(message: runtime.v1.Metric.$Properties): Metric {
  return {
    name: message.name ?? '',
    atMs: toMs(message.timestamp),
    type: metricType.decode(message.metricType),
    labelValues: message.labelValues ?? [],
    value: unwrapped(message.value),
  };
}

function decodeCpu(message: runtime.v1.CpuUsage.$Properties): CpuUsage {
  return {
    atMs: toMs(message.timestamp),
    usageCoreNs: unwrapped(message.usageCoreNanoSeconds),
    usageNanoCores: unwrapped(message.usageNanoCores),
    psi: optional(message.psi, decodePsi),
  };
}

function decodeMemory(message: runtime.v1.MemoryUsage.$Properties): MemoryUsage {
  return {
    atMs: toMs(message.timestamp),
    workingSetBytes: unwrapped(message.workingSetBytes),
    availableBytes: unwrapped(message.availableBytes),
    usageBytes: unwrapped(message.usageBytes),
    rssBytes: unwrapped(message.rssBytes),
    pageFaults: unwrapped(message.pageFaults),
    majorPageFaults: unwrapped(message.majorPageFaults),
    psi: optional(message.psi, decodePsi),
  };
}

function decodeIo(message: runtime.v1.IoUsage.$Properties): IoUsage {
  return { atMs: toMs(message.timestamp), psi: optional(message.psi, decodePsi) };
}

function decodeNetwork(message: runtime.v1.NetworkUsage.$Properties): NetworkUsage {
  return {
    atMs: toMs(message.timestamp),
    defaultInterface: optional(message.defaultInterface, decodeInterface),
    interfaces: (message.interfaces ?? []).map(decodeInterface),
  };
}

function decodeInterface(
  message: runtime.v1.NetworkInterfaceUsage.$Properties,
): NetworkInterfaceUsage {
  return {
    name: message.name ?? '',
    rxBytes: unwrapped(message.rxBytes),
    rxErrors: unwrapped(message.rxErrors),
    txBytes: unwrapped(message.txBytes),
    txErrors: unwrapped(message.txErrors),
  };
}

function decodePsi(message: runtime.v1.PsiStats.$Properties): Psi {
  return {
    full: optional(message.Full, decodePsiData),
    some: optional(message.Some, decodePsiData),
  };
}

function decodePsiData(message: runtime.v1.PsiData.$Properties): PsiData {
  return {
    total: toNumber(message.Total),
    avg10Percent: message.Avg10 ?? 0,
    avg60Percent: message.Avg60 ?? 0,
    avg300Percent: message.Avg300 ?? 0,
  };
}
