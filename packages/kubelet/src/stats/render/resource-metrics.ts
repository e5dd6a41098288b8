import type { MeasuredNode } from '../model/measurement.js';
import { cgroupFigures, containerFigures, type Figures, podFigures } from '../plan/pod-figures.js';
import { labelText, metricText, type MetricType, sampleLine } from './exposition.js';

interface Row {
  readonly labels: string;
  readonly figures: Figures | undefined;
}

type Family = Readonly<{
  name: string;
  help: string;
  type?: MetricType;
  value: (figures: Figures) => number | undefined;
}>;

const NS_PER_SECOND = 1e9;

const seconds = ({ usageNs }: Figures): number | undefined => {
  return usageNs === undefined ? undefined : usageNs / NS_PER_SECOND;
};
const workingSet = ({ workingSetBytes }: Figures): number | undefined => workingSetBytes;
const swap = ({ swapBytes }: Figures): number | undefined => swapBytes;

const CONTAINER: readonly Family[] = [
  {
    name: 'container_cpu_usage_seconds_total',
    help: 'CPU time used by a container, in core seconds.',
    type: 'counter',
    value: seconds,
  },
  {
    name: 'container_memory_working_set_bytes',
    help: 'Working set of a container in bytes.',
    value: workingSet,
  },
  {
    name: 'container_swap_limit_bytes',
    help: 'Swap limit of a container in bytes; no series without a limit.',
    value: ({ swapLimitBytes }) => swapLimitBytes,
  },
  { name: 'container_swap_usage_bytes', help: 'Swap used by a container in bytes.', value: swap },
];

const NODE: readonly Family[] = [
  {
    name: 'node_cpu_usage_seconds_total',
    help: 'CPU time used by the node, in core seconds.',
    type: 'counter',
    value: seconds,
  },
  {
    name: 'node_memory_working_set_bytes',
    help: 'Working set of the node in bytes.',
    value: workingSet,
  },
  { name: 'node_swap_usage_bytes', help: 'Swap used by the node in bytes.', value: swap },
];

const POD: readonly Family[] = [
  {
    name: 'pod_cpu_usage_seconds_total',
    help: 'CPU time used by a pod, in core seconds.',
    type: 'counter',
    value: seconds,
  },
  {
    name: 'pod_memory_working_set_bytes',
    help: 'Working set of a pod in bytes.',
    value: workingSet,
  },
  { name: 'pod_swap_usage_bytes', help: 'Swap used by a pod in bytes.', value: swap },
];

/**
 * Renders `/metrics/resource`, which metrics-server reads. Samples carry the time of their
 * measurement.
 *
 * @param node undefined if the measurement failed; the page reports that
 * @see Kubernetes 1.36 pkg/kubelet/metrics/collectors/resource_metrics.go
 */
export function* resourceMetrics(node: MeasuredNode | undefined): Generator<string> {
  if (node !== undefined) yield* measuredMetrics(node);
  const error = node === undefined ? 1 : 0;
  for (const name of ['resource_scrape_error', 'scrape_error']) {
    const help = '1 if the node could not be measured, otherwise 0.';
    yield metricText({ name, help, type: 'gauge' }, sampleLine(name, '', error));
  }
}

function* measuredMetrics(node: MeasuredNode): Generator<string> {
  const { swapTotalBytes, swapFreeBytes } = node.memory;
  const root = cgroupFigures(node.root);
  const swapBytes = swapTotalBytes - swapFreeBytes;
  yield* families(NODE, [{ labels: '', figures: root && { ...root, swapBytes } }]);
  const containers = node.pods.flatMap(({ name: pod, namespace, containers: own }) =>
    own.map((container) => ({
      labels: labelText({ container: container.name, namespace, pod }),
      figures: containerFigures(container),
      startedAtMs: container.startedAtMs,
    })),
  );
  yield* families(CONTAINER, containers);
  const name = 'container_start_time_seconds';
  const started = containers.map(({ labels, startedAtMs }) =>
    sampleLine(name, labels, startedAtMs / 1000),
  );
  const help = 'Start time of a container in seconds since the Unix epoch.';
  yield metricText({ name, help, type: 'gauge' }, started.join(''));
  const pods = node.pods.map((pod) => ({
    labels: labelText({ namespace: pod.namespace, pod: pod.name }),
    figures: podFigures(pod),
  }));
  yield* families(POD, pods);
}

function* families(all: readonly Family[], rows: readonly Row[]): Generator<string> {
  for (const { name, help, type = 'gauge', value } of all) {
    let samples = '';
    for (const { labels, figures } of rows) {
      const found = figures && value(figures);
      if (found !== undefined) samples += sampleLine(name, labels, found, figures?.atMs);
    }
    yield metricText({ name, help, type }, samples);
  }
}
