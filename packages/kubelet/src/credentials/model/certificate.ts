/** The facts about a certificate that the kubelet uses. */
export interface Certificate {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  /** Object identifiers of the allowed usages; absent or empty: any usage. */
  readonly extendedUsages?: readonly string[];
}

/** The content of a certificate request. */
export interface CertificateTemplate {
  readonly purpose: CertificatePurpose;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

/** `client`: for requests to the API server; `server`: for the kubelet's own node API. */
export type CertificatePurpose = 'client' | 'server';

/** A certificate, optionally with its chain, and its private key; PEM. */
export interface KeyedPem {
  readonly certificatePem: string;
  readonly keyPem: string;
}
