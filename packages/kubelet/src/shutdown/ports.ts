import type { Pod } from '@nodeagent/kube-client';

import type { FailureVerdict } from '../pod/index.js';

/** The machine's manager of logins and shutdowns, such as logind. */
export interface ShutdownWatch {
  /** Reads how long a shutdown waits for those who hold locks at most. */
  longestDelayMs(): Promise<number>;
  /** Asks for a longer delay, which takes effect a little later. */
  raiseDelay(seconds: number): Promise<void>;
  /**
   * Delays shutdowns from now on.
   *
   * @returns a function that lets them go on
   */
  lock(): Promise<() => Promise<void>>;
  /**
   * Calls back when a shutdown begins (true) or was cancelled (false), until the signal fires.
   *
   * @param onReady called once, when nothing will be missed any more
   */
  follow(
    listener: (isShuttingDown: boolean) => void,
    onReady: () => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** The file that keeps the times of the last shutdown. */
export interface ShutdownStateFile {
  /** @returns undefined without a file */
  read(): Promise<string | undefined>;
  /** Survives a loss of power once it has returned. */
  write(content: string): Promise<void>;
}

/** Pods that a shutdown ends. */
export interface EndablePods {
  /** Pods that use resources, or will once they start. */
  active(): readonly Pod[];
  /** Ends a pod; resolves when it has ended, or has not in time. */
  evict(uid: string, verdict: FailureVerdict, graceSeconds: number): Promise<void>;
  /** True when the pod has ended, has no volumes on the node any more, and the API shows its end. */
  isGone(uid: string): boolean;
}
