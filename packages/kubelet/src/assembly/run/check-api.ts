import type { Clock } from '@nodeagent/base';
import { ConfigError } from '@nodeagent/component-base';
import { type Connection, isKubeError, type KubeClient, NODES } from '@nodeagent/kube-client';

import { blamedField } from '../plan/blame-kubeconfig.js';

/** A server that answers nothing counts as away. */
const PATIENCE_MS = 10_000;

/**
 * An API server that is away is waited for later by everyone who needs it. One that cannot be
 * trusted, or that does not trust this node, is a mistake to report now.
 *
 * @throws {ConfigError} that names the kubeconfig file and the field to look at
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
