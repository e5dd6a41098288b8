import type { Clock } from '@nodeagent/base';
import { ConfigError } from '@nodeagent/component-base';
import { type Connection, isKubeError, type KubeClient, NODES } from '@nodeagent/kube-client';

import { blamedField } from '../plan/blame-kubeconfig.js';

/** A server that does not answer within this time counts as unreachable. */
const PATIENCE_MS = 10_000;

/**
 * Checks the credentials at start. An unreachable API server is no error: its users retry later. A
 * server that cannot be trusted, or that rejects this node, is a configuration error.
 *
 * @throws {ConfigError} that names the kubeconfig file and the field to check
 */
export async function checkApi(
  client: Pick<KubeClient, 'get'>,
  connection: Pick<Connection, 'ca'>,
  options: Readonly<{
    kubeconfig: string;
    nodeName: string;
    clock: Clock;
    signal: AbortSignal;
  }>,
): Promise<void> {
  const { kubeconfig, nodeName, clock, signal } = options;
  const patience = new AbortController();
  const answered = new AbortController();
  const waiting = clock.sleep(PATIENCE_MS, AbortSignal.any([signal, answered.signal]));
  void waiting.then(() => patience.abort());
  try {
    await client.get(NODES, { name: nodeName }, patience.signal);
  } catch (cause) {
    if (isKubeError(cause, 'KUBE_CONFIG')) throw cause;
    const field = blamedField(cause, connection);
    if (field === undefined) return;
    const problems = [{ field, message: (cause as Error).message }];
    throw new ConfigError('CONFIG_INVALID', { source: kubeconfig, problems }, { cause });
  } finally {
    answered.abort();
  }
}
