import type { Clock, Metrics } from '@nodeagent/base';
import type { RuntimeService } from '@nodeagent/cri-client';

import type { Journal, PodsOnNode, ReadLog, SystemLogs } from '../ports.js';
import type { ProgramFacts } from '../render/pages.js';
import { checkpointHandler } from './checkpoint.js';
import { containerLogHandler } from './container-logs.js';
import type { Handlers } from './node-api.js';
import { type MetricsPage, pageHandlers } from './pages.js';
import { streamHandlers } from './streams.js';
import { systemLogHandler } from './system-logs.js';

export interface NodeHandlerOptions {
  readonly cri: RuntimeService;
  readonly readLog: ReadLog;
  /** Undefined where `enableSystemLogHandler` is false. */
  readonly systemLogs: SystemLogs | undefined;
  /** Undefined where `enableSystemLogQuery` is false. */
  readonly journal?: Journal | undefined;
  readonly facts: ProgramFacts;
  readonly metrics: Metrics & MetricsPage;
  /** Absolute: where checkpoints are written. */
  readonly checkpointDirectory: string;
  /** True: WebSockets of sessions end here, and are counted. False: the runtime has to speak them. */
  readonly webSockets: boolean;
  readonly clock: Clock;
  readonly featureGates?: Readonly<Record<string, boolean>>;
  /** Handlers of routes that other rooms answer: statistics, and metrics beyond the kubelet's own. */
  readonly more?: (pods: PodsOnNode) => Handlers;
}

/** Everything that the node API answers, by the names of the route table. */
export function createNodeHandlers(options: NodeHandlerOptions): (pods: PodsOnNode) => Handlers {
  const { cri, checkpointDirectory: directory, clock, webSockets, metrics } = options;
  return (pods) => ({
    ...pageHandlers(pods, options),
    ...streamHandlers(pods, { cri, webSockets, metrics }),
    'container-logs': containerLogHandler(pods, options),
    checkpoint: checkpointHandler(pods, { cri, directory, clock }),
    logs: systemLogHandler(options.systemLogs, options.journal),
    ...options.more?.(pods),
  });
}
