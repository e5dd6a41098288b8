import { runEvery, runScope } from '@nodeagent/base';

import { assertReservable } from '../plan/capacity.js';
import { planNode } from '../plan/node-status.js';
import { newNode } from '../plan/register.js';
import { type Context, gatherFacts, newContext, type NodeStatusOptions, nowOf } from './context.js';
import { runLeaseLoop } from './lease-loop.js';
import { registerNode } from './register-node.js';
import { pollRuntime, runRuntimePoll } from './runtime-poll.js';
import { runStatusLoop } from './status-loop.js';

const IMAGES_EVERY_MS = 30_000;

/**
 * Registers the node, then keeps its status and its lease current until the signal fires. After the
 * start nothing is thrown: failures are logged and retried.
 *
 * @throws {NodeStatusError} at the start: `NODE_ALLOCATABLE_INVALID`, `NODE_FACT_UNREADABLE`
 */
export async function runNodeStatus(
  options: NodeStatusOptions,
  signal: AbortSignal,
): Promise<void> {
  const machine = await options.facts.machine();
  assertReservable(options.config, machine);
  const context = newContext(options, machine);
  await Promise.all([pollRuntime(context, signal), refreshImages(context, signal)]);
  const beat = async (inner: AbortSignal): Promise<void> => {
    if (options.onMeasured !== undefined) await tellMeasured(context, inner);
    if (options.config.register) await registerNode(context, inner);
    await runScope([(s) => runStatusLoop(context, s), (s) => runLeaseLoop(context, s)], inner);
  };
  await runScope(
    [beat, (inner) => runRuntimePoll(context, inner), (inner) => watchImages(context, inner)],
    signal,
  );
}

/**
 * Measures the node without an API server until the signal fires. It calls `onMeasured` at once,
 * and then at the interval at which the status would be computed.
 *
 * @throws {NodeStatusError} at the start: `NODE_ALLOCATABLE_INVALID`, `NODE_FACT_UNREADABLE`
 */
export async function runUnregisteredNode(
  options: NodeStatusOptions,
  signal: AbortSignal,
): Promise<void> {
  const machine = await options.facts.machine();
  assertReservable(options.config, machine);
  const context = newContext(options, machine);
  await Promise.all([pollRuntime(context, signal), refreshImages(context, signal)]);
  const { clock, log, config } = options;
  const measure = (inner: AbortSignal): Promise<void> =>
    runEvery(
      {
        clock,
        periodMs: config.updateEveryMs,
        task: (each) => tellMeasured(context, each),
        onError: (err) =>
          log.warn({ err }, 'cannot measure the node; its last figures stay in use'),
      },
      inner,
    );
  await runScope(
    [measure, (inner) => runRuntimePoll(context, inner), (inner) => watchImages(context, inner)],
    signal,
  );
}

async function tellMeasured(context: Context, signal: AbortSignal): Promise<void> {
  const { config, onMeasured } = context.options;
  const facts = await gatherFacts(context, signal);
  const draft = newNode(config, facts.machine);
  onMeasured?.(planNode(draft, { config, facts }, nowOf(context)).node);
}

async function watchImages(context: Context, signal: AbortSignal): Promise<void> {
  const { clock } = context.options;
  if ((await clock.sleep(IMAGES_EVERY_MS, signal)) === 'aborted') return;
  const task = (inner: AbortSignal): Promise<void> => refreshImages(context, inner);
  await runEvery({ clock, periodMs: IMAGES_EVERY_MS, task, onError: () => undefined }, signal);
}

async function refreshImages(context: Context, signal: AbortSignal): Promise<void> {
  const { inputs, log } = context.options;
  try {
    context.images = await inputs.images(signal);
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error }, 'cannot list images; the last list stays in use');
  }
}
