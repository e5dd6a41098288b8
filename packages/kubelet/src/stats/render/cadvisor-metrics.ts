import type { MachineFacts } from '@nodeagent/node-status';

import type { Measured, MeasuredNode, MeasuredSystem } from '../model/measurement.js';
import type { FileSystemFigures, InterfaceFigures } from '../model/usage.js';
import {
  type CgroupFamily,
  CPU_FAMILIES,
  DEVICE_FAMILIES,
  MEMORY_FAMILIES,
  OTHER_FAMILIES,
} from './cadvisor-families.js';
import { labelText, metricText, sampleLine } from './exposition.js';

export interface CadvisorInput {
  /** Measured with all details. */
  readonly node: MeasuredNode;
  readonly machine: Pick<
    MachineFacts,
    | 'cpuCount'
    | 'memoryBytes'
    | 'swapBytes'
    | 'machineId'
    | 'systemUuid'
    | 'bootId'
    | 'kernelVersion'
    | 'osImage'
  >;
  /** The image of sandboxes; empty if the runtime does not report it. */
  readonly sandboxImage: string;
  /** The node's own interfaces. */
  readonly interfaces: readonly InterfaceFigures[];
  /** The file system that contains the kubelet's root directory. */
  readonly fileSystem: Readonly<{ device: string; figures: FileSystemFigures }> | undefined;
  readonly version: string;
}

interface Row extends Measured {
  readonly labels: string;
  readonly startedAtMs: number | undefined;
  readonly interfaces: readonly InterfaceFigures[] | undefined;
}

/**
 * Renders `/metrics/cadvisor`: series of the root cgroup, of system cgroups, and of every pod with
 * its containers; network series belong to the sandbox. Yields one piece per metric, so the whole
 * text, about 15 KB per pod, is never in memory at once.
 *
 * @see cAdvisor metrics/prometheus.go; Kubernetes 1.36 pkg/kubelet/server/server.go, containerPrometheusLabelsFunc
 */
export function* cadvisorMetrics(input: CadvisorInput): Generator<string> {
  const { node } = input;
  const rows = rowsOf(input);
  for (const family of [CPU_FAMILIES, MEMORY_FAMILIES, OTHER_FAMILIES].flatMap(groups)) {
    yield cgroupFamily(family, rows);
  }
  yield startTimes(rows);
  yield* devices(rows);
  yield* networks(rows, node.atMs);
  yield* fileSystem(input);
  yield* machine(input);
}

/** Groups metrics by name: the text format requires samples of one metric to be together. */
function groups(families: readonly CgroupFamily[]): readonly (readonly CgroupFamily[])[] {
  return [...Map.groupBy(families, ({ name }) => name).values()];
}

function rowsOf({ node, sandboxImage, interfaces }: CadvisorInput): readonly Row[] {
  const row = (
    measured: Measured,
    names: Readonly<Partial<Record<(typeof LABELS)[number], string>>>,
    more: Partial<Pick<Row, 'startedAtMs' | 'interfaces'>> = {},
  ): Row => {
    const id = measured.path ?? '';
    const labels = labelText(
      Object.fromEntries(
        LABELS.map((label) => [label, label === 'id' ? id : (names[label] ?? '')]),
      ),
    );
    const { path, usage, nanoCores } = measured;
    const { startedAtMs, interfaces: own } = more;
    return { path, usage, nanoCores, labels, startedAtMs, interfaces: own };
  };
  return [
    row(node.root, {}, { startedAtMs: node.bootMs, interfaces }),
    ...systemsOnce(node).map((system) => row(system, {}, { startedAtMs: system.startedAtMs })),
    ...node.pods.flatMap((pod) => {
      const of = { namespace: pod.namespace, pod: pod.name };
      const { startedAtMs } = pod;
      const sandbox = { ...of, name: pod.sandbox.id, image: sandboxImage };
      return [
        row(pod, of, { startedAtMs }),
        row({ ...NO_USAGE, ...pod.sandbox }, sandbox, { interfaces: pod.interfaces }),
        ...pod.containers.map((container) =>
          row(
            container,
            { ...of, container: container.name, name: container.id, image: container.image },
            { startedAtMs: container.startedAtMs },
          ),
        ),
      ];
    }),
  ];
}

const NO_USAGE = { usage: undefined, nanoCores: undefined } as const;

const LABELS = ['container', 'id', 'image', 'name', 'namespace', 'pod'] as const;

function cgroupFamily(families: readonly CgroupFamily[], rows: readonly Row[]): string {
  let samples = '';
  for (const { name, labels: more, isTimeless, value } of families) {
    for (const { labels, usage } of rows) {
      const found = usage && value(usage);
      if (usage === undefined || found === undefined) continue;
      const all = more === undefined ? labels : `${labels},${more}`;
      samples += sampleLine(name, all, found, isTimeless === true ? undefined : usage.atMs);
    }
  }
  const [first] = families;
  return first === undefined ? '' : metricText(first, samples);
}

function startTimes(rows: readonly Row[]): string {
  const name = 'container_start_time_seconds';
  const help = 'Start time in seconds since the Unix epoch.';
  const lines = rows.flatMap(({ labels, usage, startedAtMs }) =>
    usage === undefined || startedAtMs === undefined
      ? []
      : sampleLine(name, labels, Math.floor(startedAtMs / 1000)),
  );
  return metricText({ name, help, type: 'gauge' }, lines.join(''));
}

function* devices(rows: readonly Row[]): Generator<string> {
  for (const { name, help, value } of DEVICE_FAMILIES) {
    let samples = '';
    for (const { labels, usage } of rows) {
      for (const device of usage?.devices ?? []) {
        const all = `${labels},${labelText({ device: device.device })}`;
        samples += sampleLine(name, all, value(device), usage?.atMs);
      }
    }
    yield metricText({ name, help, type: 'counter' }, samples);
  }
  const name = 'container_blkio_device_usage_total';
  let samples = '';
  for (const { labels, usage } of rows) {
    for (const { device, major, minor, readBytes, writeBytes } of usage?.devices ?? []) {
      const all = `${labels},${labelText({ device, major: String(major), minor: String(minor) })}`;
      samples += sampleLine(name, `${all},operation="Read"`, readBytes, usage?.atMs);
      samples += sampleLine(name, `${all},operation="Write"`, writeBytes, usage?.atMs);
    }
  }
  yield metricText({ name, help: 'Bytes transferred, by operation.', type: 'counter' }, samples);
}

const NETWORK: Readonly<Record<string, (of: InterfaceFigures) => number>> = {
  receive_bytes: ({ rxBytes }) => rxBytes,
  receive_errors: ({ rxErrors }) => rxErrors,
  receive_packets_dropped: ({ rxDropped }) => rxDropped,
  receive_packets: ({ rxPackets }) => rxPackets,
  transmit_bytes: ({ txBytes }) => txBytes,
  transmit_errors: ({ txErrors }) => txErrors,
  transmit_packets_dropped: ({ txDropped }) => txDropped,
  transmit_packets: ({ txPackets }) => txPackets,
};

function* networks(rows: readonly Row[], atMs: number): Generator<string> {
  for (const [what, value] of Object.entries(NETWORK)) {
    const name = `container_network_${what}_total`;
    let samples = '';
    for (const { labels, interfaces } of rows) {
      for (const each of interfaces ?? []) {
        const all = `${labels},${labelText({ interface: each.name })}`;
        samples += sampleLine(name, all, value(each), atMs);
      }
    }
    const help = `Network interface counter: ${what.replaceAll('_', ' ')}.`;
    yield metricText({ name, help, type: 'counter' }, samples);
  }
}

const FILE_SYSTEM: Readonly<Record<string, (of: FileSystemFigures) => number>> = {
  inodes_free: ({ inodesFree }) => inodesFree,
  inodes_total: ({ inodes }) => inodes,
  limit_bytes: ({ capacityBytes }) => capacityBytes,
  usage_bytes: ({ usedBytes }) => usedBytes,
};

/** Series of the node's file system; only the summary shows the disk usage of containers. */
function* fileSystem({ fileSystem: found }: CadvisorInput): Generator<string> {
  if (found === undefined) return;
  const { device, figures } = found;
  const root = { container: '', id: '/', image: '', name: '', namespace: '', pod: '' };
  const labels = labelText({ ...root, device });
  for (const [what, value] of Object.entries(FILE_SYSTEM)) {
    const name = `container_fs_${what}`;
    const help = `File system of the node: ${what.replaceAll('_', ' ')}.`;
    const line = sampleLine(name, labels, value(figures), figures.atMs);
    yield metricText({ name, help, type: 'gauge' }, line);
  }
}

function* machine({ machine: facts, node, version }: CadvisorInput): Generator<string> {
  const { machineId, systemUuid, bootId, kernelVersion, osImage } = facts;
  const labels = labelText({ boot_id: bootId, machine_id: machineId, system_uuid: systemUuid });
  const gauges: readonly (readonly [string, string, string, number])[] = [
    ['machine_cpu_cores', 'Number of logical processors of the machine.', labels, facts.cpuCount],
    ['machine_memory_bytes', 'Memory of the machine in bytes.', labels, facts.memoryBytes],
    ['machine_swap_bytes', 'Swap of the machine in bytes.', labels, node.memory.swapTotalBytes],
    [
      'cadvisor_version_info',
      'Version of the kubelet that measures, and of the kernel and operating system.',
      labelText({
        cadvisorRevision: '',
        cadvisorVersion: version,
        dockerVersion: '',
        kernelVersion,
        osVersion: osImage,
      }),
      1,
    ],
    ['container_scrape_error', '1 if cgroups could not be measured, otherwise 0.', '', 0],
  ];
  for (const [name, help, own, value] of gauges) {
    yield metricText({ name, help, type: 'gauge' }, sampleLine(name, own, value));
  }
}

/** Removes duplicates: several system containers may share a cgroup, or be in the root. */
function systemsOnce({ systems }: MeasuredNode): readonly MeasuredSystem[] {
  const byPath = new Map(systems.map((system) => [system.path, system]));
  byPath.delete('/');
  return [...byPath.values()];
}
