import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';

/** A proxy serves each family by rules of its own. */
export type IpFamily = 'IPv4' | 'IPv6';

export const IP_FAMILIES: readonly IpFamily[] = ['IPv4', 'IPv6'];

export function familyOf(ip: string): IpFamily {
  return ip.includes(':') ? 'IPv6' : 'IPv4';
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * Returns the canonical text of an address, which names and rules use. Octets with leading zeros
 * are decimal (`010.0.0.1` is `10.0.0.1`) and IPv4 inside IPv6 is IPv4, as Kubernetes has always
 * read them.
 *
 * @returns undefined for text that is not an address
 */
export function canonicalIp(text: string): string | undefined {
  if (dottedQuad(text) >= 0) return text;
  if (text.includes(':')) {
    if (!isIPv6(text) || text.includes('%')) return undefined;
    const { address } = new SocketAddress({ address: text, family: 'ipv6' });
    return MAPPED.exec(address)?.[1] ?? address;
  }
  if (!/^\d+(\.\d+){3}$/.test(text)) return undefined;
  const stripped = text.split('.').map(Number).join('.');
  return isIPv4(stripped) ? stripped : undefined;
}

/**
 * Parses four numbers up to 255 without leading zeros, by hand: the proxy reads a quarter of a
 * million of them at start.
 *
 * @returns the address as one number, −1 for any other text
 */
function dottedQuad(text: string): number {
  let value = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      if (digits > 0 && part === 0) return -1;
      part = part * 10 + code - 48;
      digits += 1;
    } else if (code === 46 && digits > 0) {
      value = value * 256 + part;
      part = 0;
      digits = 0;
      dots += 1;
    } else return -1;
    if (part > 255) return -1;
  }
  return dots === 3 && digits > 0 ? value * 256 + part : -1;
}

/**
 * Clears a prefix's host bits: `10.1.2.3/8` becomes `10.0.0.0/8`.
 *
 * @returns undefined for text that is not a prefix
 */
export function canonicalCidr(text: string): string | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  const ip = canonicalIp(address);
  if (ip === undefined || rest.length > 0 || !/^\d{1,3}$/.test(length)) return undefined;
  const bits = Number(length);
  if (bits > (familyOf(ip) === 'IPv4' ? 32 : 128)) return undefined;
  return `${masked(ip, bits)}/${bits}`;
}

function masked(ip: string, bits: number): string {
  const base = familyOf(ip) === 'IPv4' ? 10 : 16;
  const width = base === 10 ? 8 : 16;
  const parts = base === 10 ? ip.split('.') : expanded(ip);
  const kept = parts.map((part, i) => {
    const keep = Math.min(width, Math.max(0, bits - i * width));
    const mask = ((1 << width) - 1) ^ ((1 << (width - keep)) - 1);
    return (parseInt(part, base) & mask).toString(base);
  });
  return base === 10 ? kept.join('.') : (canonicalIp(kept.join(':')) ?? ip);
}

/** Returns the eight groups; the last two may be written as an IPv4 address: `::1.2.3.4`. */
function expanded(ip: string): string[] {
  const [head = '', tail] = ip.replace(LAST_QUAD, groupsOfQuad).split('::');
  const left = head === '' ? [] : head.split(':');
  if (tail === undefined) return left;
  const right = tail === '' ? [] : tail.split(':');
  return [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
}

const LAST_QUAD = /\d{1,3}(?:\.\d{1,3}){3}$/;

function groupsOfQuad(quad: string): string {
  const value = dottedQuad(quad);
  return `${Math.floor(value / 65_536).toString(16)}:${(value % 65_536).toString(16)}`;
}

export function cidrContains(cidr: string, ip: string): boolean {
  if (familyOf(cidr) !== familyOf(ip)) return false;
  const [base = '', length] = cidr.split('/');
  const kind = familyOf(ip) === 'IPv4' ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(base, Number(length), kind);
  return list.check(ip, kind);
}

export function isLoopback(ip: string): boolean {
  return ip === '::1' || (ip.startsWith('127.') && isIPv4(ip));
}

const UNUSABLE_V6 = ['::1/128', '::/128', 'fe80::/10', 'ff00::/8'];

/**
 * True when traffic may be forwarded to the address. Loopback, link-local, multicast and
 * unspecified addresses are refused: the kernel would drop the traffic, or it would reach this
 * host's own private services.
 *
 * @param ip in canonical form
 * @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, ValidateEndpointIP
 */
export function isUsableEndpointIp(ip: string, family: IpFamily): boolean {
  if (familyOf(ip) !== family) return false;
  return family === 'IPv4' ? isUsableIPv4(dottedQuad(ip)) : !unusable().check(ip, 'ipv6');
}

/** Refuses 0.0.0.0/8, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/4. */
function isUsableIPv4(address: number): boolean {
  const net8 = Math.floor(address / 2 ** 24);
  if (net8 === 0 || net8 === 127 || (net8 >= 224 && net8 < 240)) return false;
  return Math.floor(address / 2 ** 16) !== 0xa9fe;
}

let unusableList: BlockList | undefined;

function unusable(): BlockList {
  if (unusableList !== undefined) return unusableList;
  unusableList = new BlockList();
  for (const cidr of UNUSABLE_V6) {
    const [base = '', length] = cidr.split('/');
    unusableList.addSubnet(base, Number(length), 'ipv6');
  }
  return unusableList;
}

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export function hostPort(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}
