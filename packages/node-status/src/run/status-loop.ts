import { isAborted, jittered } from '@nodeagent/base';
import { type Node, NODES } from '@nodeagent/kube-client';

import { planNode } from '../plan/node-status.js';
import { differs, planStatusPatch } from '../plan/patch.js';
import { type Context, gatherFacts, nowOf, tellEvents, withDeadline } from './context.js';
import { wokenWithin } from './woken-within.js';

/** Number of tries for one report, without pauses between them. */
const MAX_TRIES = 5;
/** Each period is lengthened at random by up to this share. */
const PERIOD_JITTER = 0.04;

interface Reports {
  /** Monotonic time of the last report; undefined before the first. */
  lastMs: number | undefined;
  /** Spreads the reports of unchanged nodes over time; chosen at random after each change. */
  delayMs: number;
  lastGaps: string;
}

/** Computes the status at once, then every period and whenever woken; reports changes. */
export async function runStatusLoop(context: Context, signal: AbortSignal): Promise<void> {
  const { clock, random, config, inputs } = context.options;
  await inputs.settled?.(signal);
  const reports: Reports = { lastMs: undefined, delayMs: 0, lastGaps: '' };
  while (!signal.aborted) {
    await updateStatus(context, reports, signal);
    const restMs = jittered(config.updateEveryMs, PERIOD_JITTER, random);
    await wokenWithin(clock, { wake: context.wake, ms: restMs }, signal);
  }
}

async function updateStatus(
  context: Context,
  reports: Reports,
  signal: AbortSignal,
): Promise<void> {
  const { log, inputs, client, config } = context.options;
  const name = { name: config.nodeName };
  for (let tries = 1; tries <= MAX_TRIES && !signal.aborted; tries += 1) {
    try {
      const known = tries === 1 ? inputs.node?.() : undefined;
      const node =
        known ?? (await withDeadline(context, (inner) => client.get(NODES, name, inner), signal));
      await reportOnce(context, { node, reports }, signal);
      return;
    } catch (error) {
      if (isAborted(signal)) return;
      log.warn({ node: config.nodeName, tries, err: error }, 'cannot report the node status');
    }
  }
}

async function reportOnce(
  context: Context,
  { node, reports }: Readonly<{ node: Node; reports: Reports }>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random, log, client, config } = context.options;
  const facts = await gatherFacts(context, signal);
  const planned = planNode(node, { config, facts }, nowOf(context));
  const gaps = planned.gaps.join('; ');
  if (gaps !== '' && gaps !== reports.lastGaps) {
    log.warn({ gaps: planned.gaps }, 'part of the node status is unknown');
  }
  reports.lastGaps = gaps;
  const changed = differs(node, planned.node);
  // Registered as ready, or left ready by the previous process.
  if (!changed && isReady(node)) noteReady(context);
  if (!changed && !isDue(reports, config.reportEveryMs, clock.monotonicMs())) return;
  const body = planStatusPatch(node, planned.node);
  if (body === undefined) return; // twice within a second: even the heartbeat is equal
  const patch = { type: 'strategic-merge', body, subresource: 'status' } as const;
  const name = { name: config.nodeName };
  await withDeadline(context, (inner) => client.patch(NODES, name, patch, inner), signal);
  const first = reports.lastMs === undefined;
  reports.lastMs = clock.monotonicMs();
  reports.delayMs = changed || first ? (random() - 0.5) * config.reportEveryMs : 0;
  if (isReady(planned.node)) noteReady(context);
  tellEvents(context, planned.events);
}

function noteReady(context: Context): void {
  if (context.reportedReady) return;
  context.reportedReady = true;
  context.options.onStage?.('ready');
}

function isDue({ lastMs, delayMs }: Reports, everyMs: number, nowMs: number): boolean {
  return lastMs === undefined || nowMs - lastMs >= everyMs + delayMs;
}

function isReady({ status }: Node): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True';
}
