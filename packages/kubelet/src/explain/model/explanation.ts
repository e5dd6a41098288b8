import type { PodAction, PodObservation } from '../../pod/index.js';
import type { PlanContext } from '../../workers/index.js';

/** The state of a node in which a pod is looked at; made from a file by `parsePodState`. */
export interface PodState {
  readonly nowMs: number;
  readonly seen: PodObservation;
  readonly probes: PlanContext['probes'];
  /** Delay that is in force for a container, by its name. */
  readonly backOffMs: ReadonlyMap<string, number>;
  /** Addresses that a sandbox would get if it were made now. */
  readonly nextIps: readonly string[];
  readonly hostIps: readonly string[];
  readonly allocatable: Readonly<Record<string, string>>;
  /** Absent from `images`: as if it were there, and ran as root. */
  readonly images: ReadonlyMap<string, ImageState>;
  readonly configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

export interface ImageState {
  readonly present: boolean;
  /** A number, or a name; root when absent. */
  readonly user?: string | undefined;
}

/** One call to the container runtime, as the CRI names it; in our own field names. */
export interface RuntimeCall {
  /** `RunPodSandbox`, `CreateContainer`, … */
  readonly method: string;
  readonly request: unknown;
}

export interface ExplainedAction {
  readonly action: PodAction;
  /** In the order in which they are sent. */
  readonly calls: readonly RuntimeCall[];
  /** What users would read in the pod's events: `Normal Created app: Container created`. */
  readonly events: readonly string[];
  /** Why the action could not be carried out, as far as that can be told beforehand. */
  readonly failure?: string;
}

export interface PodExplanation {
  readonly pod: Readonly<{ namespace: string; name: string; uid: string }>;
  /** In the order in which they are carried out; empty when the pod is as it should be. */
  readonly actions: readonly ExplainedAction[];
}
