import type { Certificate, CertificateTemplate } from '../model/certificate.js';
import { covers } from './certificate-template.js';

/**
 * The time to request the next certificate: now if there is no usable one, else after a random
 * seven to nine tenths of its lifetime, so that nodes that joined together do not renew together.
 *
 * @param chance in [0, 1)
 * @returns wall clock, milliseconds
 * @see Kubernetes 1.36 client-go/util/certificate/certificate_manager.go, nextRotationDeadline
 */
export function rotationDeadlineMs(
  certificate: Certificate | undefined,
  template: CertificateTemplate,
  chance: number,
): number {
  if (certificate === undefined || !covers(certificate, template)) return 0;
  const { notBeforeMs, notAfterMs } = certificate;
  return notBeforeMs + (notAfterMs - notBeforeMs) * (0.7 + 0.2 * chance);
}

const FIRST_RETRY_MS = 2000;
const DOUBLINGS = 4;

/**
 * Delays of 2, 4, 8, 16 and then always 32 seconds, each increased by up to a tenth.
 *
 * @param failures consecutive failures, at least one
 * @param chance in [0, 1)
 */
export function retryDelayMs(failures: number, chance: number): number {
  return FIRST_RETRY_MS * 2 ** Math.min(failures - 1, DOUBLINGS) * (1 + 0.1 * chance);
}
