import type { Certificate, CertificateTemplate } from '../model/certificate.js';
import { covers } from './certificate-template.js';

/**
 * When to ask for the next certificate: at once without a usable one, else after seven to nine tenths
 * of its life, drawn by chance so that nodes that joined together do not all ask together.
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
 * Waits of 2, 4, 8, 16 and then always 32 seconds, each longer by up to a tenth.
 *
 * @param failures in a row, at least one
 * @param chance in [0, 1)
 */
export function retryDelayMs(failures: number, chance: number): number {
  return FIRST_RETRY_MS * 2 ** Math.min(failures - 1, DOUBLINGS) * (1 + 0.1 * chance);
}
