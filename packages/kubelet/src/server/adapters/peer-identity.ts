import type { TLSSocket } from 'node:tls';

import type { Identity } from '../model/identity.js';

/** The identity in a client certificate, and its expiry. */
export interface PeerIdentity {
  readonly identity: Identity;
  readonly notAfterMs: number;
}

/**
 * The user is the common name; the groups are the organizations.
 *
 * @returns undefined without a certificate that a client CA has signed
 * @see Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/authentication/request/x509/x509.go
 */
export function peerIdentity(socket: TLSSocket): PeerIdentity | undefined {
  if (!socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  const subject = certificate.subject as unknown as
    Readonly<Record<string, string | readonly string[] | undefined>> | undefined;
  // The last of several common names counts, as in Go.
  const user = [subject?.['CN'] ?? []].flat().at(-1);
  if (user === undefined || user === '') return undefined;
  const fingerprint = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  return {
    identity: {
      user,
      groups: [subject?.['O'] ?? []].flat(),
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
    },
    notAfterMs: Date.parse(certificate.valid_to),
  };
}
