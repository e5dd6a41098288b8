import type { Logger } from '@nodeagent/base';

import type { PodAction, PodPlan, PodRuntime } from '../../pod/index.js';

export type Removal = Extract<PodAction, { kind: 'remove-container' | 'remove-sandbox' }>;

export interface RemovalContext {
  readonly runtime: Pick<PodRuntime, 'removeContainer' | 'removeSandbox'>;
  readonly log: Logger;
  /** Log level of a failed removal; `warn` if absent. */
  readonly failureLevel?: 'info' | 'warn';
}

export function isRemoval(action: PodAction): action is Removal {
  return action.kind === 'remove-container' || action.kind === 'remove-sandbox';
}

/** @returns the error, which is also logged; undefined on success */
export async function tryRemoval(
  action: Removal,
  { runtime, log, failureLevel = 'warn' }: RemovalContext,
  signal: AbortSignal,
): Promise<Error | undefined> {
  const { kind, id, why } = action;
  try {
    if (kind === 'remove-sandbox') await runtime.removeSandbox(id, signal);
    else await runtime.removeContainer(id, action.logs ?? 'remove', signal);
    log.debug({ action: kind, why }, 'pod action done');
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    log[failureLevel]({ action: kind, id, err: error }, 'not removed');
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * Tries all removals, even after a failure.
 *
 * @throws the first failure, after all were tried
 */
export async function removeAll(
  plan: PodPlan,
  context: RemovalContext,
  signal: AbortSignal,
): Promise<void> {
  const failures: Error[] = [];
  for (const action of plan.filter(isRemoval)) {
    signal.throwIfAborted();
    const failure = await tryRemoval(action, context, signal);
    if (failure !== undefined) failures.push(failure);
  }
  if (failures[0] !== undefined) throw failures[0];
}
