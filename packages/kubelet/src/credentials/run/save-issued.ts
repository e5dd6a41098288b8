import type { Certificate, CertificateTemplate, KeyedPem } from '../model/certificate.js';
import { issuedProblem } from '../plan/issued-certificate.js';
import type { CertificateStore } from '../ports.js';
import type { RequestPorts } from './request-certificate.js';

export interface IssuedPorts extends Pick<RequestPorts, 'clock' | 'pendingKey'> {
  readonly store: CertificateStore;
}

/**
 * Puts an issued certificate in force if it is usable and matches the request.
 *
 * @throws {Error} with the reason if not; the current certificate stays, and the next request uses
 *   a new key
 */
export async function saveIssued(
  pem: KeyedPem,
  { template, held }: Readonly<{ template: CertificateTemplate; held: Certificate | undefined }>,
  { store, clock, pendingKey }: IssuedPorts,
): Promise<void> {
  const nowMs = clock.nowMs();
  try {
    const problem = issuedProblem(store.inspect(pem), { template, held, nowMs });
    if (problem !== undefined) throw new Error(problem);
  } catch (error) {
    // For the same key, the signer would return the same certificate.
    await pendingKey?.remove();
    throw error;
  }
  await store.save(pem, nowMs);
}
