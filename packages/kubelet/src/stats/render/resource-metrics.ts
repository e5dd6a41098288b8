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
    help: 'CPU time that a container has used, in core seconds.',
    type: 'counter',
    value: seconds,
  },
  {
    name: 'container_memory_working_set_bytes',
    help: 'Working set of a container.',
    value: workingSet,
  },
  {
    name: 'container_swap_limit_bytes',
    help: 'How much swap a container may use; without a limit there is no series.',
    value: ({ swapLimitBytes }) => swapLimitBytes,
  },
  { name: 'container_swap_usage_bytes', help: 'Swap that a container uses.', value: swap },
];

const NODE: readonly Family[] = [
  {
    name: 'node_cpu_usage_seconds_total',
    help: 'CPU time that the node has used, in core seconds.',
    type: 'counter',
    value: seconds,
  },
  { name: 'node_memory_working_set_bytes', help: 'Working set of the node.', value: workingSet },
  { name: 'node_swap_usage_bytes', help: 'Swap that the node uses.', value: swap },
];

const POD: readonly Family[] = [
  {
    name: 'pod_cpu_usage_seconds_total',
    help: 'CPU time that a pod has used, in core seconds.',
    type: 'counter',
    value: seconds,
  },
  { name: 'pod_memory_working_set_bytes', help: 'Working set of a pod.', value: workingSet },
  { name: 'pod_swap_usage_bytes', help: 'Swap that a pod uses.', value: swap },
];

/**
 * `/metrics/resource`: what metrics-server reads. Samples bear the time at which they were so.
 *
 * @param node undefined when it could not be measured, which the page then tells
 * @see Kubernetes 1.36 pkg/kubelet/metrics/collectors/resource_metrics.go
 */
export function* resourceMetrics(node: MeasuredNode | undefined): Generator<string> {
  if (node !== undefined) yield* measuredMetrics(node);
  const error = node === undefined ? 1 : 0;
  for (const name of ['resource_scrape_error', 'scrape_error']) {
    const help = 'Whether the node could not be measured: 1 yes, 0 no.';
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
  const help = 'When a container was started, since the Unix epoch.';
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
