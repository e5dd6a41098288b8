import type { ContainerResize } from './resize.js';

export type ContainerRole = 'init' | 'sidecar' | 'regular' | 'ephemeral';

/**
 * One step of a pod's plan. Steps are carried out in the plan's order. `why` is for people: events,
 * logs and `explain-pod` show it.
 */
export type PodAction =
  /** Stops every container in the order that sidecars need, then every sandbox. */
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
      /** Keeps the log files; by default they are removed with the container. */
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
   * Changes the resources of running containers and of the pod around them: memory first, then CPU.
   * Within each, containers follow this order.
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

/** Steps for one pod, carried out in this order; empty when there is nothing to do. */
export type PodPlan = readonly PodAction[];

/** The reason why a container waits, as its status shows it. */
export interface WaitingReason {
  /** `CrashLoopBackOff`, `ImagePullBackOff`, `CreateContainerConfigError`, … */
  readonly reason: string;
  readonly message: string;
}
