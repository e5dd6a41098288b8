import type { Clock, Logger, Metrics, Random } from '@nodeagent/base';

/** Surroundings of the controllers. */
export interface ControllersOptions {
  /** The system's when absent. */
  readonly clock?: Clock;
  /** `Math.random` when absent. */
  readonly random?: Random;
  /** Silent when absent. */
  readonly log?: Logger;
  /** Not counted when absent. */
  readonly metrics?: Metrics;
  /**
   * PEM of the CA that pods should trust; without it there are no `kube-root-ca.crt` config maps.
   */
  readonly rootCaPem?: string;
  /** Silence after which a node that has reported counts as lost; 40 s when absent. */
  readonly nodeGraceMs?: number;
  /** Called just before the first plans. */
  readonly onSynced?: () => void;
}

export type Settings = ControllersOptions &
  Required<Pick<ControllersOptions, 'clock' | 'random' | 'log' | 'metrics'>>;
