import type { Clock, Metrics } from '@nodeagent/base';
import type { Features } from '@nodeagent/component-base';
import type { RuntimeService } from '@nodeagent/cri-client';

import type { Journal, PodsOnNode, ReadLog, SystemLogs } from '../ports.js';
import type { ProgramFacts } from '../render/pages.js';
import { checkpointHandler } from './checkpoint.js';
import { containerLogHandler } from './container-logs.js';
import type { Handlers } from './node-api.js';
import { type MetricsPage, pageHandlers } from './pages.js';
import { streamHandlers } from './streams.js';
import { systemLogHandler } from './system-logs.js';

/** The sources of the node API's answers. */
export interface NodeHandlerOptions {
  readonly cri: RuntimeService;
  readonly readLog: ReadLog;
  /** Undefined if `enableSystemLogHandler` is false. */
  readonly systemLogs: SystemLogs | undefined;
  /** Undefined if `enableSystemLogQuery` is false. */
  readonly journal?: Journal | undefined;
  readonly facts: ProgramFacts;
  readonly metrics: Metrics & MetricsPage;
  /** Absolute path of the directory for checkpoints. */
  readonly checkpointDirectory: string;
  /**
   * True: the kubelet terminates and counts WebSocket sessions. False: the runtime must speak
   * WebSocket.
   */
  readonly webSockets: boolean;
  readonly clock: Clock;
  readonly features: Features;
  /**
   * Handlers of routes that other rooms answer: statistics, and metrics other than the kubelet's
   * own.
   */
  readonly more?: (pods: PodsOnNode) => Handlers;
}

/** All handlers of the node API, by route name. */
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
