import type { ImageFact, MachineFacts, NetworkFacts, RuntimeStatus } from '../model/facts.js';
import type { FactSource, NodeInputs } from '../ports.js';

/** A small machine whose figures a test can change at any time. */
export interface FixedFacts extends FactSource {
  machineFacts: MachineFacts;
  networkFacts: NetworkFacts;
  /** The error that measuring fails with, if any. */
  failure: Error | undefined;
}

/** A machine whose figures a test can change while the node status runs. */
export function createFixedFacts(
  machine: Partial<MachineFacts> = {},
  network: Partial<NetworkFacts> = {},
): FixedFacts {
  const facts: FixedFacts = {
    machineFacts: { ...SMALL_MACHINE, ...machine },
    networkFacts: { ...SMALL_NETWORK, ...network },
    failure: undefined,
    machine: async () => {
      if (facts.failure !== undefined) throw facts.failure;
      return facts.machineFacts;
    },
    network: async (_, signal) => {
      signal.throwIfAborted();
      return facts.networkFacts;
    },
  };
  return facts;
}

const SMALL_MACHINE: MachineFacts = {
  cpuCount: 2,
  memoryBytes: 4 * 2 ** 30,
  swapBytes: 0,
  hugePages: [{ sizeBytes: 2 * 2 ** 20, pages: 0 }],
  rootFsBytes: 20 * 2 ** 30,
  machineId: '3b2e0a1c',
  systemUuid: '4C4C4544',
  bootId: 'b00t-1',
  kernelVersion: '6.1.0',
  osImage: 'Debian GNU/Linux 12 (bookworm)',
  operatingSystem: 'linux',
  architecture: 'amd64',
};

const SMALL_NETWORK: NetworkFacts = {
  interfaceAddresses: ['127.0.0.1', '::1', '10.0.0.5', 'fd00::5'],
  resolvedAddresses: [],
  defaultRoute: { ipv4: '10.0.0.5', ipv6: 'fd00::5' },
};

/** Inputs that a test can change at any time; at first, the runtime is healthy. */
export interface FixedInputs extends NodeInputs {
  status: RuntimeStatus | Error;
  imageList: readonly ImageFact[];
}

/** A healthy runtime `containerd` 1.6.20 without images; assign to change it. */
export function createFixedInputs(more: Partial<NodeInputs> = {}): FixedInputs {
  const inputs: FixedInputs = {
    status: GOOD_RUNTIME,
    imageList: [],
    runtimeStatus: async () => {
      if (inputs.status instanceof Error) throw inputs.status;
      return inputs.status;
    },
    runtimeVersion: async () => ({ name: 'containerd', version: '1.6.20' }),
    images: async () => inputs.imageList,
    ...more,
  };
  return inputs;
}

const GOOD_RUNTIME: RuntimeStatus = {
  conditions: ['RuntimeReady', 'NetworkReady'].map((type) => {
    return { type, status: true, reason: '', message: '' };
  }),
  handlers: [],
  supplementalGroupsPolicy: undefined,
};
