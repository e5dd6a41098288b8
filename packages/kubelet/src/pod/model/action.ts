import type { ContainerResize } from './resize.js';

export type ContainerRole = 'init' | 'sidecar' | 'regular' | 'ephemeral';

/**
 * One step of a pod's plan; carried out in the order of the plan. `why` is for people: events, logs
 * and `explain-pod` show it.
 */
export type PodAction =
  /** Stops every container, in the order that sidecars ask for, and then every sandbox. */
  | Readonly<{ kind: 'stop-pod'; graceSeconds: number | undefined; why: string }>
  | Readonly<{
      kind: 'stop-container';
      id: string;
      name: string;
      graceSeconds: number;
      /** Runs the preStop hook first, within the grace period. */
      preStop: boolean;
      why: string;
    }>
  | Readonly<{
      kind: 'remove-container';
      id: string;
      name: string;
      /** With the container when absent. */
      logs?: 'keep';
      why: string;
    }>
  | Readonly<{ kind: 'remove-sandbox'; id: string; why: string }>
  | Readonly<{ kind: 'create-sandbox'; attempt: number; why: string }>
  | Readonly<{
      kind: 'start-container';
      name: string;
      role: ContainerRole;
      restartCount: number;
      why: string;
    }>
  /**
   * Gives running containers other resources, and the pod around them: memory first, then CPU; within
   * each the containers in this order.
   */
  | Readonly<{
      kind: 'resize-pod';
      memory: readonly ContainerResize[];
      cpu: readonly ContainerResize[];
      why: string;
    }>
  /** Nothing to do for this container before `untilMs` (wall clock): crash-loop back-off. */
  | Readonly<{
      kind: 'hold-container';
      name: string;
      untilMs: number;
      delayMs: number;
      why: string;
    }>;

export type PodPlan = readonly PodAction[];

/** Why a container is waiting, as users see it in its status. */
export interface WaitingReason {
  /** `CrashLoopBackOff`, `ImagePullBackOff`, `CreateContainerConfigError`, … */
  readonly reason: string;
  readonly message: string;
}
