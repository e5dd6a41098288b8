/** What a kubelet needs to know of one of its certificates. */
export interface Certificate {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Object identifiers of what it may be used for; any use when absent or empty. */
  readonly extendedUsages?: readonly string[];
}

/** What a certificate is asked for. */
export interface CertificateTemplate {
  readonly purpose: CertificatePurpose;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** `client`: the kubelet shows it to the API server; `server`: to those who ask the kubelet. */
export type CertificatePurpose = 'client' | 'server';

/** A certificate, perhaps with its chain, and the key that belongs to it; PEM. */
export interface KeyedPem {
  readonly certificatePem: string;
  readonly keyPem: string;
}
