import {
  type BackoffRules,
  type BackoffState,
  type Clock,
  jittered,
  type Logger,
  nextBackoff,
  type Random,
} from '@nodeagent/base';

import { isPodGone, messageOf } from '../../pod/index.js';
import { isVolumeError } from '../../volumes/index.js';
import type { PodLife } from '../model/pod-life.js';

const RETRY: BackoffRules = { initialMs: 1000, maxMs: 10_000 };
/** Failed removals are logged as warnings only after waits of 1, 2 and 4 s. */
const REMOVAL_WARNING_MS = 4000;
const NETWORK_RETRY: BackoffRules = { initialMs: 1000, maxMs: 1000 };
/** @see Kubernetes 1.36 pkg/util/goroutinemap/exponentialbackoff */
const VOLUMES_RETRY: BackoffRules = { initialMs: 500, maxMs: 122_000 };
/** For volumes that wait for another component or for their own back-off: nothing is repeated. */
const PENDING_RETRY: BackoffRules = { initialMs: 500, maxMs: 5000 };

/** The node cannot give pods a network yet. */
export class NetworkNotReady extends Error {
  override readonly name = 'NetworkNotReady';
}

/** A volume that the pod's containers need is not ready yet. */
export class VolumesNotReady extends Error {
  override readonly name = 'VolumesNotReady';

  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
  }
}

/** A failure whose details are in the log already. */
export class LoggedFailure extends Error {
  override readonly name = 'LoggedFailure';

  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** The back-off after a failure, and the largest fraction by which jitter extends it. */
function retryAfter(error: unknown): Readonly<{ rules: BackoffRules; stretch: number }> {
  if (error instanceof NetworkNotReady) return { rules: NETWORK_RETRY, stretch: 0.5 };
  if (error instanceof VolumesNotReady) {
    const isPending = isVolumeError(error.cause, 'VOLUME_PENDING');
    return { rules: isPending ? PENDING_RETRY : VOLUMES_RETRY, stretch: 0 };
  }
  return { rules: RETRY, stretch: 0.5 };
}

export interface StepRetryPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** The pod's logger. */
  readonly log: Logger;
}

/** The waits of a pod's worker after consecutive failures, and the log level of each failure. */
export class StepRetry {
  readonly #ports: StepRetryPorts;
  #failed: BackoffState | undefined;

  constructor(ports: StepRetryPorts) {
    this.#ports = ports;
  }

  /** True from a failure until a step succeeds. */
  get isFailing(): boolean {
    return this.#failed !== undefined;
  }

  succeeded(): void {
    this.#failed = undefined;
  }

  /**
   * Logs the failure.
   *
   * @returns milliseconds until the next attempt
   */
  failed(error: unknown, life: PodLife): number {
    const { clock, random, log } = this.#ports;
    const { rules, stretch } = retryAfter(error);
    const level = isPodGone(error) ? 'debug' : this.level(life);
    this.#failed = nextBackoff(this.#failed, rules, clock.monotonicMs());
    const waitMs = jittered(this.#failed.delayMs, stretch, random);
    const details = { life: life.kind, retryInMs: waitMs };
    if (error instanceof LoggedFailure) log.debug(details, 'pod step is tried again');
    else log[level]({ err: error, ...details }, 'pod step failed');
    return waitMs;
  }

  /**
   * The log level of a failure. While a pod is being removed, the runtime may still be working on
   * it, for seconds on a busy machine, so a few failed removals deserve no warning.
   */
  level(life: PodLife): 'info' | 'warn' {
    const { delayMs = 0 } = this.#failed ?? {};
    return life.kind === 'terminated' && delayMs < REMOVAL_WARNING_MS ? 'info' : 'warn';
  }
}
