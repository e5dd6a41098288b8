import { hash } from 'node:crypto';

import type { Endpoint } from '../../model/endpoint.js';
import type { ServicePort } from '../../model/service.js';

export const TABLE = 'kube-proxy';

/** A chain name holds 255 bytes, including the prefix. */
const LONGEST = 240;
const ELLIPSIS = '...';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const HASH_BYTES = 5;

/**
 * Returns the name of the chains and sets of one Service port. It is upstream's name, so that
 * people recognise it.
 *
 * @see Kubernetes 1.36 pkg/proxy/nftables/proxier.go
 */
export function serviceName(port: ServicePort): string {
  return hashed(`${port.service}/${port.protocol.toLowerCase()}/${port.portName}`);
}

/** Returns the name of the chains and sets of one endpoint of a Service port. */
export function endpointName(port: ServicePort, { ip, port: number }: Endpoint): string {
  const service = `${port.service}/${port.protocol.toLowerCase()}/${port.portName}`;
  // a colon is not allowed in nft's names
  return hashed(`${service}__${ip.replaceAll(':', '.')}/${number}`);
}

/** Only chains of Service ports have a slash in their names. */
export function isServiceChain(name: string): boolean {
  return name.includes('/');
}

export const AFFINITY_PREFIX = 'affinity-';

/** Puts eight characters of base32 over SHA-256 before the text. */
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
