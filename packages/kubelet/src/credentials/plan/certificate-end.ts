import { X509Certificate } from 'node:crypto';

/** Since the Unix epoch. @throws for what is no certificate in PEM */
export function certificateEndMs(pem: string): number {
  return Date.parse(new X509Certificate(pem).validTo);
}
