import { type Clock, type Logger, type Metrics, runScope } from '@nodeagent/base';

import type { NodeListener, NodeServer, PodsOnNode } from '../ports.js';
import type { Doorkeeper } from './admit.js';
import { type Handlers, NodeApi } from './node-api.js';

/** Handlers and listeners of the node API. */
export interface NodeServerOptions {
  readonly doorkeeper: Pick<Doorkeeper, 'admit'>;
  /** Called once, with the pods that the handlers show. */
  readonly handlers: (pods: PodsOnNode) => Handlers;
  /** `enableDebuggingHandlers` */
  readonly debug: boolean;
  /** The TLS listener, with authentication and authorization. */
  readonly secure: NodeListener;
  /** The listener without TLS and authentication, for open routes only. */
  readonly readOnly: NodeListener | undefined;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The kubelet's own API on its listeners. */
export function createNodeServer(options: NodeServerOptions): NodeServer {
  const { doorkeeper, debug, secure, readOnly, metrics, clock, log } = options;
  return {
    run: async (pods, signal) => {
      const handlers = options.handlers(pods);
      const api = new NodeApi({ doorkeeper, handlers, limits: { debug }, metrics, clock, log });
      await runScope(
        [
          (inner) => secure.serve((request, own) => api.handle(request, own), inner),
          async (inner) =>
            readOnly?.serve((request, own) => api.handleReadOnly(request, own), inner),
        ],
        signal,
      );
    },
  };
}
