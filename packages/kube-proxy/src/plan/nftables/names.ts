import { hash } from 'node:crypto';

import type { Endpoint } from '../../model/endpoint.js';
import type { ServicePort } from '../../model/service.js';

export const TABLE = 'kube-proxy';

/** A chain name holds 255 bytes, the prefix included. */
const LONGEST = 240;
const ELLIPSIS = '...';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const HASH_BYTES = 5;

/**
 * Names of the chains and sets that one Service port has to itself. As upstream's, so that people
 * find what they know.
 *
 * @see Kubernetes 1.36 pkg/proxy/nftables/proxier.go
 */
export function serviceName(port: ServicePort): string {
  return hashed(`${port.service}/${port.protocol.toLowerCase()}/${port.portName}`);
}

/** Names of what one endpoint of a Service port has to itself. */
export function endpointName(port: ServicePort, { ip, port: number }: Endpoint): string {
  const service = `${port.service}/${port.protocol.toLowerCase()}/${port.portName}`;
  // a colon is not allowed in nft's names
  return hashed(`${service}__${ip.replaceAll(':', '.')}/${number}`);
}

/** Chains of Service ports are told from all others by the slash in their names. */
export function isServiceChain(name: string): boolean {
  return name.includes('/');
}

export const AFFINITY_PREFIX = 'affinity-';

/** Eight characters of base32 over SHA-256 before the text itself. */
function hashed(text: string): string {
  let bits = hash('sha256', text, 'buffer').readUIntBE(0, HASH_BYTES); // 40 bits, exact in a double
  let prefix = '';
  for (let i = 0; i < 8; i += 1) {
    prefix = (ALPHABET[bits % 32] ?? '') + prefix;
    bits = Math.floor(bits / 32);
  }
  const name = `${prefix}-${text}`;
  return name.length > LONGEST ? `${name.slice(0, LONGEST - ELLIPSIS.length)}${ELLIPSIS}` : name;
}
