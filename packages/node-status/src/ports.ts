import type { Node } from '@nodeagent/kube-client';

import type {
  DeviceResources,
  ImageFact,
  MachineFacts,
  NetworkFacts,
  NodeProblems,
  Pressure,
  RuntimeStatus,
  RuntimeVersion,
} from './model/facts.js';

/** Measures the machine. */
export interface FactSource {
  /** @throws {NodeStatusError} `NODE_FACT_UNREADABLE` */
  machine(): Promise<MachineFacts>;
  /**
   * @param name the node's name, to be resolved; a name that does not resolve is not an error;
   *   undefined skips the resolution
   * @throws the signal's reason once it fires: the call does not wait for a resolver that does
   *   not answer
   */
  network(name: string | undefined, signal: AbortSignal): Promise<NetworkFacts>;
}

/** Facts from other parts of the program. Functions that read memory return at once. */
export interface NodeInputs {
  /** Asks the container runtime, every 5 s; rejects when it does not answer. */
  runtimeStatus(signal: AbortSignal): Promise<RuntimeStatus>;
  /** Called until it answers once. */
  runtimeVersion(signal: AbortSignal): Promise<RuntimeVersion>;
  /** Called every 30 s. */
  images(signal: AbortSignal): Promise<readonly ImageFact[]>;
  /** No pressure when absent. */
  pressure?(): Pressure;
  /** No problems when absent. */
  problems?(): NodeProblems;
  /** Awaited before the first report, for problems that are expected to be gone in a moment. */
  settled?(signal: AbortSignal): Promise<void>;
  /** Unique names of attached volumes; undefined until they are known. */
  volumesInUse?(): readonly string[] | undefined;
  devices?(): DeviceResources;
  /** The newest Node from a watch; without it, the Node is read from the API before each update. */
  node?(): Node | undefined;
}

/** Reports events about the node to users; never blocks, never throws. */
export interface NodeEvents {
  normal(reason: string, message: string): void;
  warning(reason: string, message: string): void;
}
