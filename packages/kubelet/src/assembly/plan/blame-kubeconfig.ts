import type { Connection } from '@nodeagent/kube-client';

/** OpenSSL's and Node's error codes for a server certificate that the CAs do not vouch for. */
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
/** Alerts that a server sends when it refuses the client certificate. */
const REFUSED = /alert (unknown ca|bad certificate|certificate \w+)/;

/**
 * Finds the field of a kubeconfig that explains a failed request.
 *
 * @returns undefined if no field is to blame
 */
export function blamedField(error: unknown, { ca }: Pick<Connection, 'ca'>): string | undefined {
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
