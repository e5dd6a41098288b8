import { hostname } from 'node:os';

import type { Node } from '@nodeagent/kube-client';

import { createProcFacts } from './adapters/proc-facts.js';
import { type NodeConfig, withNodeDefaults } from './model/config.js';
import { NO_PROBLEMS } from './model/facts.js';
import { assertReservable } from './plan/capacity.js';
import { planNode } from './plan/node-status.js';
import { newNode } from './plan/register.js';
import { UNKNOWN_HEALTH } from './plan/runtime-health.js';
import type { FactSource } from './ports.js';

/** Everything is optional; fields of {@link NodeConfig} have Kubernetes' defaults. */
export interface DescribeOptions extends Partial<NodeConfig> {
  /** A directory on the file system of pods' local data; `/var/lib/kubelet` when absent. */
  readonly rootDir?: string;
  /** Measures the machine; this machine's /proc and /sys when absent. */
  readonly facts?: FactSource;
  readonly signal?: AbortSignal;
}

/**
 * Returns the Node that this machine would report: name, addresses, capacity, allocatable, nodeInfo
 * and conditions. No container runtime and no API server is asked, so the node is not ready and has
 * no images. The name is the host's, in lower case, when absent; the kubelet's version is `v0.0.0`.
 *
 * @throws {NodeStatusError} `NODE_ALLOCATABLE_INVALID`, `NODE_FACT_UNREADABLE`; the signal's reason
 * @example
 * ```ts
 * import { describeNode } from '@nodeagent/node-status/describe';
 *
 * const { status } = await describeNode({ maxPods: 20 });
 * console.log(status?.capacity?.['pods']); // 20
 * ```
 */
export async function describeNode(options: DescribeOptions = {}): Promise<Node> {
  const { rootDir = '/var/lib/kubelet', facts = createProcFacts({ rootDir }), ...more } = options;
  const { signal = new AbortController().signal, ...rest } = more;
  signal.throwIfAborted();
  const config = withNodeDefaults({
    nodeName: hostname().toLowerCase(),
    kubeletVersion: 'v0.0.0',
    ...rest,
  });
  const machine = await facts.machine();
  assertReservable(config, machine);
  const explicit = config.nodeIps.some((ip) => ip !== '::' && ip !== '0.0.0.0');
  const { node } = planNode(
    newNode(config, machine),
    {
      config,
      facts: {
        machine,
        network: await facts.network(explicit ? undefined : config.nodeName, signal),
        health: UNKNOWN_HEALTH,
        runtimeVersion: undefined,
        images: [],
        pressure: { memory: false, disk: false, pid: false },
        problems: NO_PROBLEMS,
        volumesInUse: undefined,
        devices: undefined,
      },
    },
    { wallMs: Date.now(), monotonicMs: performance.now() },
  );
  return node;
}
