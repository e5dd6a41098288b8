import type { NodeEvents } from '@nodeagent/node-status';

import { NodeShutdown } from '../../shutdown/run/index.js';
import { shutdownRules } from '../plan/shutdown-rules.js';
import type { Parts } from './parts.js';

/** Ends pods when the machine shuts down; undefined if the configuration gives them no time. */
export function createShutdown(
  { config, adapters }: Parts,
  ports: Readonly<{ nodeEvents: NodeEvents; onChange: () => void }>,
): NodeShutdown | undefined {
  const { metrics, clock, shutdown } = adapters;
  const log = adapters.log.child({ logger: 'shutdown' });
  const { schedule, keepsTimes } = shutdownRules(config);
  if (shutdown === undefined || schedule.length === 0) return undefined;
  const file = keepsTimes ? shutdown.file : undefined;
  return new NodeShutdown({ schedule, watch: shutdown.watch, file, ...ports, metrics, clock, log });
}
