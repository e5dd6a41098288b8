import { ConfigError } from '@nodeagent/component-base';
import { type Connection, isKubeError, type KubeClient, NODES } from '@nodeagent/kube-client';

/** A server that answers nothing is away too. */
const PATIENCE_MS = 10_000;

/**
 * An API server that is away is waited for later, by everyone who needs it; one that cannot be
 * trusted, or that does not trust us, is a mistake to tell now.
 *
 * @throws {ConfigError} that names the kubeconfig file and the field to look at
 */
export async function checkApi(
  client: Pick<KubeClient, 'get'>,
  connection: Pick<Connection, 'ca'>,
  options: Readonly<{ kubeconfig: string; nodeName: string; signal: AbortSignal }>,
): Promise<void> {
  const { kubeconfig, nodeName, signal } = options;
  const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    await client.get(NODES, { name: nodeName }, patience);
  } catch (cause) {
    if (isKubeError(cause, 'KUBE_CONFIG')) throw cause;
    const field = kubeconfigField(cause, connection);
    if (field === undefined) return;
    const problems = [{ field, message: (cause as Error).message }];
    throw new ConfigError('CONFIG_INVALID', { source: kubeconfig, problems }, { cause });
  }
}

/** OpenSSL's and Node's words for a server's certificate that the CAs do not vouch for. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'CERT_CHAIN_TOO_LONG',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);
/** Alerts by which a server refuses the certificate that we show. */
const REFUSED = /alert (unknown ca|bad certificate|certificate \w+)/;

/** @returns undefined where no field of a kubeconfig is to blame */
function kubeconfigField(error: unknown, { ca }: Pick<Connection, 'ca'>): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof Error)) return undefined;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (UNTRUSTED.has(code)) {
    return ca?.kind === 'inline' ? 'certificate-authority-data' : 'certificate-authority';
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'HOSTNAME_MISMATCH') return 'server';
  if (/wrong version number|packet length too long/.test(cause.message)) return 'server';
  return REFUSED.test(cause.message) ? 'client-certificate' : undefined;
}
