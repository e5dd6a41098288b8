import type { PodAction, PodObservation } from '../../pod/index.js';
import type { PlanContext } from '../../workers/index.js';

/** The state of a node for which a pod is explained; parsed from a file by `parsePodState`. */
export interface PodState {
  readonly nowMs: number;
  readonly seen: PodObservation;
  readonly probes: PlanContext['probes'];
  /** Current restart delay by container name. */
  readonly backOffMs: ReadonlyMap<string, number>;
  /** Addresses that a new sandbox would get. */
  readonly nextIps: readonly string[];
  readonly hostIps: readonly string[];
  readonly allocatable: Readonly<Record<string, string>>;
  /** An image that is not listed counts as present and runs as root. */
  readonly images: ReadonlyMap<string, ImageState>;
  readonly configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Names of PersistentVolumes by the names of their claims. */
  readonly claims: ReadonlyMap<string, string>;
}

export interface ImageState {
  readonly present: boolean;
  /** A number or a name; default root. */
  readonly user?: string | undefined;
}

/** One call to the container runtime: the CRI's method names, our own field names. */
export interface RuntimeCall {
  /** `RunPodSandbox`, `CreateContainer`, … */
  readonly method: string;
  readonly request: unknown;
}

/** A step of a pod's plan, down to the calls of the runtime. */
export interface ExplainedAction {
  readonly action: PodAction;
  /** In sending order. */
  readonly calls: readonly RuntimeCall[];
  /** Lines of the pod's events: `Normal Created app: Container created`. */
  readonly events: readonly string[];
  /** The error that would make the action fail, as far as it is predictable. */
  readonly failure?: string;
}

/** All that the kubelet would do next for one pod. */
export interface PodExplanation {
  readonly pod: Readonly<{ namespace: string; name: string; uid: string }>;
  /** In execution order; empty if the pod is in its desired state. */
  readonly actions: readonly ExplainedAction[];
}
