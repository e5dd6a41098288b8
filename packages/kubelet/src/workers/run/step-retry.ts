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
import type { PodLife } from '../model/pod-life.js';

const RETRY: BackoffRules = { initialMs: 1000, maxMs: 10_000 };
/** Removals that fail are warned of after waits of 1, 2 and 4 s. */
const REMOVAL_WARNING_MS = 4000;
const NETWORK_RETRY: BackoffRules = { initialMs: 1000, maxMs: 1000 };
/** @see Kubernetes 1.36 pkg/util/goroutinemap/exponentialbackoff */
const VOLUMES_RETRY: BackoffRules = { initialMs: 500, maxMs: 122_000 };

/** The node cannot give pods a network yet. */
export class NetworkNotReady extends Error {
  override readonly name = 'NetworkNotReady';
}

/** Something that the pod's containers are to find is not there yet. */
export class VolumesNotReady extends Error {
  override readonly name = 'VolumesNotReady';

  constructor(cause: unknown) {
    super(messageOf(cause), { cause });
  }
}

/** How long to wait after a failure, and by how much of that to stretch it at most. */
function retryAfter(error: unknown): Readonly<{ rules: BackoffRules; stretch: number }> {
  if (error instanceof NetworkNotReady) return { rules: NETWORK_RETRY, stretch: 0.5 };
  if (error instanceof VolumesNotReady) return { rules: VOLUMES_RETRY, stretch: 0 };
  return { rules: RETRY, stretch: 0.5 };
}

export interface StepRetryPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** The pod's own. */
  readonly log: Logger;
}

/** How long a pod's worker waits after steps that failed in a row, and how loudly it says so. */
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

  /** Logs the failure. @returns how long to wait before the next try */
  failed(error: unknown, life: PodLife): number {
    const { clock, random, log } = this.#ports;
    const { rules, stretch } = retryAfter(error);
    const level = isPodGone(error) ? 'debug' : this.level(life);
    this.#failed = nextBackoff(this.#failed, rules, clock.monotonicMs());
    const waitMs = jittered(this.#failed.delayMs, stretch, random);
    log[level]({ err: error, life: life.kind, retryInMs: waitMs }, 'pod step failed');
    return waitMs;
  }

  /**
   * How a failure is logged. When a pod is to be removed, the runtime may still be at work on what was
   * begun for it, on a busy machine for seconds: a few failed removals are no reason for a warning.
   */
  level(life: PodLife): 'info' | 'warn' {
    const { delayMs = 0 } = this.#failed ?? {};
    return life.kind === 'terminated' && delayMs < REMOVAL_WARNING_MS ? 'info' : 'warn';
  }
}
