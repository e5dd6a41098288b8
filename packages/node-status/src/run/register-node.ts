import { type BackoffState, isAborted, nextBackoff } from '@nodeagent/base';
import { isKubeError, type Node, NODES } from '@nodeagent/kube-client';

import { planNode } from '../plan/node-status.js';
import { planStatusPatch } from '../plan/patch.js';
import { newNode, reconciledNode } from '../plan/register.js';
import { type Context, gatherFacts, nowOf, tellEvents, withDeadline } from './context.js';

const RETRY = { initialMs: 100, maxMs: 7000 };

/** Creates the Node, or corrects an existing one; retries until it succeeds. */
export async function registerNode(context: Context, signal: AbortSignal): Promise<void> {
  const { clock, log, config } = context.options;
  const { nodeName } = config;
  let failed: BackoffState | undefined;
  context.options.onStage?.('registering');
  while (!signal.aborted) {
    try {
      const how = await registerOnce(context, signal);
      if (how === 'created') context.options.onStage?.('created');
      log.info({ node: nodeName, how }, 'node registered');
      return;
    } catch (error) {
      if (isAborted(signal)) return;
      failed = nextBackoff(failed, RETRY, clock.monotonicMs());
      log.warn(
        { node: nodeName, retryInMs: failed.delayMs, err: error },
        'cannot register the node',
      );
      await clock.sleep(failed.delayMs, signal);
    }
  }
}

async function registerOnce(
  context: Context,
  signal: AbortSignal,
): Promise<'created' | 'reconciled' | 'found'> {
  const { client, config, log } = context.options;
  const facts = await gatherFacts(context, signal);
  const draft = newNode(config, facts.machine);
  const { node, gaps, events } = planNode(draft, { config, facts }, nowOf(context));
  for (const gap of gaps) log.warn({ gap }, 'part of the node status is unknown');
  try {
    await withDeadline(context, (inner) => client.create(NODES, node, inner), signal);
    tellEvents(context, events);
    return 'created';
  } catch (error) {
    // A node that may not create itself may still be allowed to update an existing Node.
    if (!isKubeError(error, 'KUBE_ALREADY_EXISTS', 'KUBE_FORBIDDEN')) throw error;
  }
  const name = { name: config.nodeName };
  const existing: Node = await withDeadline(
    context,
    (inner) => client.get(NODES, name, inner),
    signal,
  );
  const body = planStatusPatch(existing, reconciledNode(existing, config, facts));
  if (body === undefined) return 'found';
  const patch = { type: 'strategic-merge', body, subresource: 'status' } as const;
  await withDeadline(context, (inner) => client.patch(NODES, name, patch, inner), signal);
  return 'reconciled';
}
