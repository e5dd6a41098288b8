import { isIP } from 'node:net';

import type { Certificate, CertificateTemplate } from '../model/certificate.js';

export interface NodeAddress {
  readonly type: string;
  readonly address: string;
}

/**
 * A client certificate with the user name and group of a node.
 *
 * @see https://kubernetes.io/docs/reference/access-authn-authz/node/
 */
export function clientTemplate(nodeName: string): CertificateTemplate {
  return { ...identityOf(nodeName), purpose: 'client', dnsNames: [], ipAddresses: [] };
}

/**
 * A serving certificate for all names and addresses that the node last reported.
 *
 * @returns undefined while the node has no address, so no client could use the certificate
 * @see Kubernetes 1.36 pkg/kubelet/certificate/kubelet.go, addressesToHostnamesAndIPs
 */
export function servingTemplate(
  nodeName: string,
  addresses: readonly NodeAddress[],
): CertificateTemplate | undefined {
  const dnsNames = new Set<string>();
  const ipAddresses = new Set<string>();
  for (const { type, address } of addresses) {
    if (address === '') continue;
    const isAddress = isIP(address) !== 0;
    if (type === 'InternalIP' || type === 'ExternalIP') {
      if (isAddress) ipAddresses.add(address);
    } else if (type === 'Hostname') (isAddress ? ipAddresses : dnsNames).add(address);
    else if (type === 'InternalDNS' || type === 'ExternalDNS') dnsNames.add(address);
  }
  if (ipAddresses.size === 0) return undefined;
  return {
    ...identityOf(nodeName),
    purpose: 'server',
    dnsNames: [...dnsNames].sort(),
    ipAddresses: [...ipAddresses].sort(),
  };
}

function identityOf(nodeName: string): { commonName: string; organizations: readonly string[] } {
  return { commonName: `system:node:${nodeName}`, organizations: ['system:nodes'] };
}

/** True if the certificate contains everything that the template requests; it may contain more. */
export function covers(certificate: Certificate, template: CertificateTemplate): boolean {
  const has = (held: readonly string[], wanted: readonly string[]): boolean =>
    wanted.every((one) => held.includes(one));
  return (
    certificate.commonName === template.commonName &&
    has(certificate.organizations, template.organizations) &&
    has(certificate.dnsNames, template.dnsNames) &&
    has(certificate.ipAddresses, template.ipAddresses)
  );
}

export function isSameTemplate(
  a: CertificateTemplate | undefined,
  b: CertificateTemplate | undefined,
): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
