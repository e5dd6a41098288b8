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
   * @param name the node's, to be resolved; a name that cannot be is no error; undefined: nobody
   * wants to know
   * @throws the signal's reason once it fires: a resolver that does not answer is not waited for
   */
  network(name: string | undefined, signal: AbortSignal): Promise<NetworkFacts>;
}

/** What others know of the node. Functions that read memory answer at once. */
export interface NodeInputs {
  /** Asks the container runtime, every 5 s; rejects when it does not answer. */
  runtimeStatus(signal: AbortSignal): Promise<RuntimeStatus>;
  /** Asked once, and again until it answers. */
  runtimeVersion(signal: AbortSignal): Promise<RuntimeVersion>;
  /** Asked every 30 s. */
  images(signal: AbortSignal): Promise<readonly ImageFact[]>;
  /** No pressure when absent. */
  pressure?(): Pressure;
  /** Nothing to report when absent. */
  problems?(): NodeProblems;
  /** Unique names of attached volumes; undefined until they are known. */
  volumesInUse?(): readonly string[] | undefined;
  devices?(): DeviceResources;
  /** The newest Node that a watch has seen; without it, the API is asked before each update. */
  node?(): Node | undefined;
}

/** Events about the node, for users; never blocks, never throws. */
export interface NodeEvents {
  normal(reason: string, message: string): void;
  warning(reason: string, message: string): void;
}
