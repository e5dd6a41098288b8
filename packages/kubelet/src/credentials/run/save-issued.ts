import type { Certificate, CertificateTemplate, KeyedPem } from '../model/certificate.js';
import { issuedProblem } from '../plan/issued-certificate.js';
import type { CertificateStore } from '../ports.js';
import type { RequestPorts } from './request-certificate.js';

export interface IssuedPorts extends Pick<RequestPorts, 'clock' | 'pendingKey'> {
  readonly store: CertificateStore;
}

/**
 * Puts an issued certificate in force, once it is known to be usable and the one that was wanted.
 *
 * @throws {Error} with the reason where it is not: the one in force stays, and the next request
 *   is made with another key
 */
export async function saveIssued(
  pem: KeyedPem,
  wanted: Readonly<{ template: CertificateTemplate; held: Certificate | undefined }>,
  { store, clock, pendingKey }: IssuedPorts,
): Promise<void> {
  const nowMs = clock.nowMs();
  try {
    const problem = issuedProblem(store.inspect(pem), { ...wanted, nowMs });
    if (problem !== undefined) throw new Error(problem);
  } catch (error) {
    // asked again with the same key, the signer would show the same certificate
    await pendingKey?.remove();
    throw error;
  }
  await store.save(pem, nowMs);
}
