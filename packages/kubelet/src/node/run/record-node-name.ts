import type { Metrics } from '@nodeagent/base';

/** Shows the node's name as a label, so that other metrics can be joined with it. */
export function recordNodeName(metrics: Metrics, nodeName: string): void {
  metrics
    .gauge({
      name: 'kubelet_node_name',
      help: "The node's name as a label; the value is always 0.",
      labelNames: ['node'],
    })
    .set(0, { node: nodeName });
}
