import type { Certificate, CertificatePurpose, CertificateTemplate } from '../model/certificate.js';
import { covers } from './certificate-template.js';

/** Extended key usages. @see RFC 5280 section 4.2.1.12 */
const USAGES: Readonly<Record<CertificatePurpose, string>> = {
  client: '1.3.6.1.5.5.7.3.2',
  server: '1.3.6.1.5.5.7.3.1',
};
const ANY_USAGE = '2.5.29.37.0';

export interface IssuedChoice {
  readonly template: CertificateTemplate;
  /** The certificate in force. */
  readonly held: Certificate | undefined;
  readonly nowMs: number;
}

/**
 * The reason that an issued certificate must not replace the one in force; undefined if it may. A
 * serving certificate that lacks names is better than none, but does not replace one that is still
 * valid.
 */
export function issuedProblem(
  issued: Certificate,
  { template, held, nowMs }: IssuedChoice,
): string | undefined {
  const { purpose, commonName } = template;
  if (issued.notAfterMs <= nowMs) {
    return `the issued certificate expired ${new Date(issued.notAfterMs).toISOString()}`;
  }
  const { extendedUsages = [] } = issued;
  const isFor = [USAGES[purpose], ANY_USAGE].some((usage) => extendedUsages.includes(usage));
  if (extendedUsages.length > 0 && !isFor) {
    return `the issued certificate is not for a TLS ${purpose}`;
  }
  if (covers(issued, template)) return undefined;
  const isHeldGood = held !== undefined && held.notAfterMs > nowMs;
  if (purpose === 'server' && !isHeldGood && issued.commonName === commonName) return undefined;
  return 'the issued certificate does not match the request';
}
