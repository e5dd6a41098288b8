import { hash } from 'node:crypto';

import type { ServicePort } from '../../model/service.js';

/** Chains that always exist, by purpose. */
export const CHAIN = {
  services: 'KUBE-SERVICES',
  externalServices: 'KUBE-EXTERNAL-SERVICES',
  nodePorts: 'KUBE-NODEPORTS',
  postrouting: 'KUBE-POSTROUTING',
  markMasquerade: 'KUBE-MARK-MASQ',
  forward: 'KUBE-FORWARD',
  proxyFirewall: 'KUBE-PROXY-FIREWALL',
  /** Shared with the kubelet. */
  firewall: 'KUBE-FIREWALL',
  canary: 'KUBE-PROXY-CANARY',
} as const;

/** The kernel's counters that upstream's rules increase. */
export const COUNTER = {
  invalidDropped: 'ct_state_invalid_dropped_pkts',
  localhostNodePorts: 'localhost_nps_accepted_pkts',
} as const;

const OWN = /^KUBE-(SVC|SVL|SEP|FW|EXT)-/;

/** True for a chain that belongs to one Service port. */
export function isServiceChain(name: string): boolean {
  return OWN.test(name);
}

export interface ServiceChains {
  readonly cluster: string;
  readonly local: string;
  readonly external: string;
  readonly firewall: string;
}

/** @see Kubernetes 1.36 pkg/proxy/iptables/proxier.go, servicePortChainName */
export function serviceChains({ label, protocol }: ServicePort): ServiceChains {
  const id = shortHash(label + protocol.toLowerCase());
  return {
    cluster: `KUBE-SVC-${id}`,
    local: `KUBE-SVL-${id}`,
    external: `KUBE-EXT-${id}`,
    firewall: `KUBE-FW-${id}`,
  };
}

export function endpointChain({ label, protocol }: ServicePort, endpoint: string): string {
  return `KUBE-SEP-${shortHash(label + protocol.toLowerCase() + endpoint)}`;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** First 16 characters of base32 over SHA-256: 80 bits. */
function shortHash(text: string): string {
  const digest = hash('sha256', text, 'buffer');
  let out = '';
  for (let at = 0; at < 10; at += 5) {
    let bits = digest.readUIntBE(at, 5); // 40 bits, exact in a double
    let part = '';
    for (let i = 0; i < 8; i += 1) {
      part = (ALPHABET[bits % 32] ?? '') + part;
      bits = Math.floor(bits / 32);
    }
    out += part;
  }
  return out;
}
