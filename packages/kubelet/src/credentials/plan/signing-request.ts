import { Buffer } from 'node:buffer';
import { createHash, createPublicKey } from 'node:crypto';

import type { CertificateSigningRequest } from '@nodeagent/kube-client';

import type { CertificatePurpose, CertificateTemplate } from '../model/certificate.js';

/** Signers of Kubernetes' own, by what they sign for. @see Kubernetes 1.36 api/certificates/v1 */
const SIGNERS: Readonly<Record<CertificatePurpose, string>> = {
  client: 'kubernetes.io/kube-apiserver-client-kubelet',
  server: 'kubernetes.io/kubelet-serving',
};

/** Keys are ECDSA: they need no encipherment, which RSA keys would. */
const USAGES: Readonly<Record<CertificatePurpose, readonly string[]>> = {
  client: ['digital signature', 'client auth'],
  server: ['digital signature', 'server auth'],
};

/**
 * What a request is called whose answer may come to a kubelet that is started again: the same for
 * the same key, node and purpose.
 *
 * @see Kubernetes 1.36 pkg/kubelet/certificate/bootstrap/bootstrap.go, digestedName
 */
export function pendingRequestName(keyPem: string, template: CertificateTemplate): string {
  const publicKey = createPublicKey(keyPem).export({ type: 'spki', format: 'der' });
  const { commonName, organizations, purpose } = template;
  const parts = [publicKey, commonName, ...organizations, ...USAGES[purpose]];
  const hash = createHash('sha512-256');
  for (const part of parts) hash.update(`${Buffer.from(part).toString('base64url')}|`);
  return `node-csr-${hash.digest('base64url')}`;
}

/**
 * @param requestPem PKCS #10
 * @param name one that the API server makes up when absent
 */
export function signingRequest(
  purpose: CertificatePurpose,
  requestPem: string,
  name?: string,
): CertificateSigningRequest {
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: name === undefined ? { generateName: 'csr-' } : { name },
    spec: {
      request: Buffer.from(requestPem, 'utf8').toString('base64'),
      signerName: SIGNERS[purpose],
      usages: [...USAGES[purpose]],
    },
  };
}

export type RequestOutcome =
  | Readonly<{ kind: 'pending' }>
  | Readonly<{ kind: 'issued'; certificatePem: string }>
  | Readonly<{ kind: 'refused'; why: string }>;

/** What has become of a request: denied and failed are final, approved is not yet signed. */
export function outcomeOf({ metadata, status }: CertificateSigningRequest): RequestOutcome {
  const conditions = status?.conditions ?? [];
  for (const [type, verb] of [
    ['Denied', 'is denied'],
    ['Failed', 'failed'],
  ] as const) {
    const found = conditions.find((condition) => condition.type === type);
    if (found === undefined) continue;
    const { reason = '', message = '' } = found;
    const name = metadata?.name ?? '';
    const why = `certificate signing request ${name} ${verb}, reason: ${reason}, message: ${message}`;
    return { kind: 'refused', why };
  }
  const approved = conditions.some(({ type }) => type === 'Approved');
  const certificate = status?.certificate ?? '';
  if (!approved || certificate === '') return { kind: 'pending' };
  return { kind: 'issued', certificatePem: Buffer.from(certificate, 'base64').toString('utf8') };
}
