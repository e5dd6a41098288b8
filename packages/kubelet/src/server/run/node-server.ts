import { type Clock, type Logger, type Metrics, runScope } from '@nodeagent/base';

import type { NodeListener, NodeServer, PodsOnNode } from '../ports.js';
import type { Doorkeeper } from './admit.js';
import { type Handlers, NodeApi } from './node-api.js';

export interface NodeServerOptions {
  readonly doorkeeper: Pick<Doorkeeper, 'admit'>;
  /** Asked once, when the pods are known that the handlers tell of. */
  readonly handlers: (pods: PodsOnNode) => Handlers;
  /** `enableDebuggingHandlers` */
  readonly debug: boolean;
  /** With TLS, for those who may. */
  readonly secure: NodeListener;
  /** Without TLS and identities: what is open, to everyone. */
  readonly readOnly: NodeListener | undefined;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The kubelet's own API on the ports that it listens on. */
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
