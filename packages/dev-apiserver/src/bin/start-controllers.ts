import { NO_METRICS } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { createKubeClient } from '@nodeagent/kube-client/http';

import { runControllers } from '../controllers.js';
import type { DevApiServer } from '../start.js';
import { stderrLogger } from './stderr-logger.js';

/** Runs the controllers alongside the server, through its HTTPS port like any client. */
export async function startControllers(server: DevApiServer, signal: AbortSignal): Promise<void> {
  const identity = { user: 'system:kube-controller-manager', groups: [] };
  const userAgent = 'kube-controller-manager';
  const client = createKubeClient(await server.connection(identity), { userAgent });
  const options = {
    clock: createSystemClock(),
    random: Math.random,
    log: stderrLogger('warn'),
    metrics: NO_METRICS,
    rootCaPem: server.caCertificatePem,
  };
  try {
    await runControllers(client, options, signal);
  } finally {
    client.close();
  }
}
