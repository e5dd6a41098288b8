/** Pods from this priority on, up to the next period's, are ended together. */
export interface ShutdownPeriod {
  readonly priority: number;
  /** Time that these pods have, in whole seconds. */
  readonly seconds: number;
}

/** When pods were last ended because the machine went down. */
export interface ShutdownTimes {
  readonly startMs: number | undefined;
  /** Undefined while pods are being ended. */
  readonly endMs: number | undefined;
}
