import { NO_PROBLEMS } from '../model/facts.js';
import { notReadyReasons } from '../plan/node-status.js';
import { foldRuntimeStatus } from '../plan/runtime-health.js';
import type { Context } from './context.js';

const PERIOD_MS = 5000;
/** Until the node has been reported ready, a new node is not kept waiting. */
const FAST_PERIOD_MS = 100;
const FAST_FOR_MS = 120_000;

/**
 * Asks the runtime how it is, and wakes the status loop when the node's readiness, or the reason
 * against it, is another one than before.
 */
export async function runRuntimePoll(context: Context, signal: AbortSignal): Promise<void> {
  const { clock } = context.options;
  const beganMs = clock.monotonicMs();
  let lastReasons = reasonsText(context);
  while (!signal.aborted) {
    const young = clock.monotonicMs() - beganMs < FAST_FOR_MS;
    const periodMs = young && !context.reportedReady ? FAST_PERIOD_MS : PERIOD_MS;
    if ((await clock.sleep(periodMs, signal)) === 'aborted') return;
    await pollRuntime(context, signal);
    const reasons = reasonsText(context);
    if (reasons !== lastReasons) context.wake.wake();
    lastReasons = reasons;
  }
}

function reasonsText({ health, options: { inputs, clock } }: Context): string {
  const problems = inputs.problems?.() ?? NO_PROBLEMS;
  return notReadyReasons({ health, problems }, clock.monotonicMs()).join('\n');
}

/** One question. A call that fails changes nothing but the time since the last good answer. */
export async function pollRuntime(context: Context, signal: AbortSignal): Promise<void> {
  const { inputs, clock, log, onRuntimeHealth } = context.options;
  try {
    const status = await inputs.runtimeStatus(signal);
    context.health = foldRuntimeStatus(context.health, status, clock.monotonicMs());
    onRuntimeHealth?.(context.health);
    context.runtimeVersion ??= await inputs.runtimeVersion(signal);
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'container runtime did not tell its status');
  }
}
