import type { LogFields, Logger, Metrics } from '@nodeagent/base';
import { createSystemClock } from '@nodeagent/base/system';
import { createKubeClient } from '@nodeagent/kube-client/http';

import { runControllers } from '../controllers/index.js';
import type { DevApiServer } from '../start.js';

/** Runs the controllers alongside the server, through its HTTPS port like any client. */
export async function startControllers(server: DevApiServer, signal: AbortSignal): Promise<void> {
  const identity = { user: 'system:kube-controller-manager', groups: [] };
  const { certificatePem, keyPem } = await server.issueClientCertificate(identity);
  const inline = (text: string) => ({ kind: 'inline', text }) as const;
  const client = createKubeClient(
    {
      server: server.url,
      source: 'the development API server',
      ca: inline(server.caCertificatePem),
      user: { clientCertificate: { certificate: inline(certificatePem), key: inline(keyPem) } },
    },
    { userAgent: 'kube-controller-manager' },
  );
  const options = {
    clock: createSystemClock(),
    random: Math.random,
    log: stderrLogger({}),
    metrics: NO_METRICS,
    rootCaPem: server.caCertificatePem,
  };
  try {
    await runControllers(client, options, signal);
  } finally {
    client.close();
  }
}

/** Writes warnings and errors as JSON lines; drops other messages. */
export function stderrLogger(bound: LogFields): Logger {
  const line = (level: string) => (fields: LogFields, message: string) => {
    const { err, ...rest } = { ...bound, ...fields };
    const why = err === undefined ? {} : { err: err instanceof Error ? err.message : String(err) };
    process.stderr.write(`${JSON.stringify({ level, ...rest, ...why, msg: message })}\n`);
  };
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: line('warn'),
    error: line('error'),
    child: (fields) => stderrLogger({ ...bound, ...fields }),
  };
}

const NO_METRICS: Metrics = {
  counter: () => ({ increment: () => undefined, remove: () => undefined }),
  gauge: () => ({ set: () => undefined, remove: () => undefined }),
  histogram: () => ({ observe: () => undefined, remove: () => undefined }),
};
