import { X509Certificate } from 'node:crypto';

/** In milliseconds since the Unix epoch. @throws if the text is not a PEM certificate */
export function certificateEndMs(pem: string): number {
  return Date.parse(new X509Certificate(pem).validTo);
}
