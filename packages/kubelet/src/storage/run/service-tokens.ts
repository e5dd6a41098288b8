import { formatTimestamp } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import type { TokenSource } from '../../volumes/index.js';
import type { DriverRules } from '../model/csi-volume.js';
import { TOKENS_KEY } from '../plan/driver-rules.js';

/** Tokens for a driver, and their place in a publication. */
export interface DriverTokens {
  readonly context: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * Tokens of the pod's service account for the audiences that a driver names.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_mounter.go, podServiceAccountTokenAttrs
 */
export async function driverTokens(
  tokens: Pick<TokenSource, 'dated'>,
  pod: Pod,
  { tokenRequests, tokensInSecrets }: DriverRules,
  signal: AbortSignal,
): Promise<DriverTokens> {
  if (tokenRequests.length === 0) return { context: {}, secrets: {} };
  const entries = await Promise.all(
    tokenRequests.map(async ({ audience, expirationSeconds }) => {
      const wish = { ...(audience !== '' && { audience }), expirationSeconds };
      const { token, expiresAtMs } = await tokens.dated(pod, wish, signal);
      return [audience, { token, expirationTimestamp: formatTimestamp(expiresAtMs) }] as const;
    }),
  );
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  const found = { [TOKENS_KEY]: JSON.stringify(Object.fromEntries(sorted)) };
  return tokensInSecrets ? { context: {}, secrets: found } : { context: found, secrets: {} };
}
