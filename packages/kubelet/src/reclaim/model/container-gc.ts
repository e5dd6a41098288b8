/** The numbers of ended containers that stay; a negative number is no limit. */
export interface ContainerGcPolicy {
  /** Age since creation before which no container is removed by number. */
  readonly minAgeMs: number;
  /** Ended runs that stay of each container. */
  readonly perContainer: number;
  /** Ended containers that stay on the node, those of pods that are gone not counted. */
  readonly total: number;
}

/** @see Kubernetes 1.36 cmd/kubelet/app/options/options.go, NewKubeletFlags */
export const DEFAULT_CONTAINER_GC: ContainerGcPolicy = { minAgeMs: 0, perContainer: 1, total: -1 };

export interface SeenContainer {
  readonly id: string;
  readonly podUid: string;
  readonly name: string;
  readonly state: 'running' | 'exited' | 'created' | 'unknown';
  readonly createdAtMs: number;
}

export interface SeenSandbox {
  readonly id: string;
  readonly podUid: string;
  readonly createdAtMs: number;
  /** It is ready, or owns a container in any state. */
  readonly isInUse: boolean;
}
