import type { Clock, Logger, Random } from '@nodeagent/base';

import type { KubeletConfig } from '../../config/index.js';
import type { Kubeconfigs, PendingKey } from '../../credentials/index.js';
import { openConnection } from '../../credentials/run/index.js';
import { apiRateLimit, eventRateLimit, heartbeatTimeoutMs } from '../plan/peer-rules.js';
import type { CertificateAdapters, OpenApi } from '../ports.js';
import { checkApi } from './check-api.js';

/** The kubeconfig of a node, or the bootstrap one by which it gets its own. */
export interface KubeconfigApiOptions {
  readonly kubeconfig: string;
  readonly bootstrapKubeconfig: string | undefined;
  readonly nodeName: string;
  readonly config: Pick<
    KubeletConfig,
    | 'eventBurst'
    | 'eventRecordQPS'
    | 'kubeAPIBurst'
    | 'kubeAPIQPS'
    | 'nodeLeaseDurationSeconds'
    | 'nodeStatusUpdateFrequencyMs'
    | 'rotateCertificates'
  >;
  readonly kubeconfigs: Kubeconfigs;
  readonly certificates: CertificateAdapters;
  /** Where the client certificate in force is found. */
  readonly currentPath: string;
  readonly pendingKey: PendingKey;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Questions about strangers must not use up what the kubelet's own requests need. */
const REVIEWS = { rateLimit: { perSecond: 50, burst: 100 }, requestTimeoutMs: 10_000 } as const;

/** The API server that a kubeconfig names, with the certificate that it leads to. */
export function kubeconfigApi(options: KubeconfigApiOptions): OpenApi {
  const { kubeconfig, bootstrapKubeconfig, nodeName, config, kubeconfigs, certificates } = options;
  const { rotateCertificates } = config;
  return async (lifetime) => {
    const { connection, bootstrap } = await openConnection(
      {
        ...{ kubeconfig, bootstrapKubeconfig, nodeName, rotateCertificates, kubeconfigs },
        store: certificates.store('client'),
        currentPath: options.currentPath,
        requests: certificates.requests,
        pendingKey: options.pendingKey,
        ...{ clock: options.clock, random: options.random, log: options.log },
      },
      lifetime,
    );
    const client = kubeconfigs.connect(connection, { rateLimit: apiRateLimit(config) });
    const reviewer = kubeconfigs.connect(connection, REVIEWS);
    const events = kubeconfigs.connect(connection, { rateLimit: eventRateLimit(config) });
    const requestTimeoutMs = heartbeatTimeoutMs(config);
    const heartbeat = kubeconfigs.connect(connection, { requestTimeoutMs });
    return {
      ...{ client, reviewer, events, heartbeat },
      bootstrap,
      rotatesClientCertificate:
        rotateCertificates && connection.user.clientCertificate !== undefined,
      check: async (signal) => {
        // a node that is still to get its certificate can only be refused
        if (bootstrap !== undefined) return;
        const { clock } = options;
        await checkApi(client, connection, { kubeconfig, nodeName, clock, signal });
      },
      close: () => {
        for (const one of [client, reviewer, events, heartbeat]) one.close();
      },
    };
  };
}
