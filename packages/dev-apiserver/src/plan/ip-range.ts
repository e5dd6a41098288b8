import { isIPv6 } from 'node:net';

import { ApiServerError } from '../model/errors.js';

/** A CIDR as numbers. */
export interface IpRange {
  readonly cidr: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly first: bigint;
  /** Number of addresses, including the network's own. */
  readonly size: bigint;
}

/** @throws {ApiServerError} `APISERVER_OPTIONS` */
export function parseIpRange(cidr: string): IpRange {
  const [address = '', bitsText = ''] = cidr.split('/');
  const family = isIPv6(address) ? 'IPv6' : 'IPv4';
  const width = family === 'IPv6' ? 128 : 32;
  const bits = Number(bitsText);
  const number = parseIp(address);
  if (number === undefined || !/^\d+$/.test(bitsText) || bits > width) {
    throw new ApiServerError('APISERVER_OPTIONS', `service CIDR "${cidr}" is not a CIDR`);
  }
  const size = 1n << BigInt(width - bits);
  return { cidr, family, first: (number / size) * size, size };
}

export function parseIp(text: string): bigint | undefined {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4 !== null) {
    const parts = v4.slice(1).map(Number);
    if (parts.some((part) => part > 255)) return undefined;
    return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  }
  if (!isIPv6(text)) return undefined;
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...middle, ...right].reduce(
    (sum, part) => (sum << 16n) + BigInt(`0x${part}`),
    0n,
  );
}

export function formatIp(value: bigint, family: IpRange['family']): string {
  if (family === 'IPv4') {
    return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - i * 16)) & 0xffffn).toString(16),
  );
  let at = -1;
  let length = 1;
  groups.forEach((_, i) => {
    let end = i;
    while (groups[end] === '0') end += 1;
    if (end - i > length) [at, length] = [i, end - i];
  });
  if (at < 0) return groups.join(':');
  return `${groups.slice(0, at).join(':')}::${groups.slice(at + length).join(':')}`;
}

export function contains(range: IpRange, value: bigint): boolean {
  return value >= range.first && value < range.first + range.size;
}
