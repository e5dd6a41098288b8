import { Buffer } from 'node:buffer';
import { isIPv4, isIPv6 } from 'node:net';

import { cutAt } from '@nodeagent/base';

import {
  CelList,
  CelMap,
  CelSpecial,
  type CelValue,
  EvaluationError,
} from '../../../model/cel/value.js';
import { formatIp, parseIp } from '../../ip-range.js';
import { mismatch, text } from '../arguments.js';
import type { Library } from '../signature.js';

class Ip extends CelSpecial {
  override readonly type = 'net.IP';
  readonly value: bigint;
  readonly family: 'IPv4' | 'IPv6';

  constructor(value: bigint, family: 'IPv4' | 'IPv6') {
    super();
    this.value = value;
    this.family = family;
  }

  override get identity(): string {
    return formatIp(this.value, this.family);
  }

  /** True when the first bits are those of this prefix. */
  isIn(prefix: string): boolean {
    const network = parseCidr(prefix);
    return network !== undefined && network.contains(this);
  }
}

class Cidr extends CelSpecial {
  override readonly type = 'net.CIDR';
  readonly ip: Ip;
  readonly length: number;

  constructor(ip: Ip, length: number) {
    super();
    this.ip = ip;
    this.length = length;
  }

  override get identity(): string {
    return `${this.ip.identity}/${this.length}`;
  }

  get masked(): Cidr {
    const host = BigInt((this.ip.family === 'IPv4' ? 32 : 128) - this.length);
    return new Cidr(new Ip((this.ip.value >> host) << host, this.ip.family), this.length);
  }

  contains({ value, family }: Ip): boolean {
    const host = BigInt((family === 'IPv4' ? 32 : 128) - this.length);
    return family === this.ip.family && value >> host === this.ip.value >> host;
  }
}

/** IPv4 addresses in IPv6 form and zones are refused, as Kubernetes does. */
function parseAddress(value: string): Ip | undefined {
  if (value.includes('%')) return undefined;
  const number =
    isIPv4(value) || (isIPv6(value) && !value.includes('.')) ? parseIp(value) : undefined;
  if (number === undefined) return undefined;
  if (isIPv4(value)) return new Ip(number, 'IPv4');
  return number >> 32n === 0xffffn ? undefined : new Ip(number, 'IPv6');
}

function parseCidr(value: string): Cidr | undefined {
  const slash = value.lastIndexOf('/');
  const ip = parseAddress(value.slice(0, Math.max(0, slash)));
  const length = value.slice(slash + 1);
  if (ip === undefined || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  return Number(length) > (ip.family === 'IPv4' ? 32 : 128)
    ? undefined
    : new Cidr(ip, Number(length));
}

function toIp(value: string): Ip {
  const found = parseAddress(value);
  if (found !== undefined) return found;
  if (value.includes('%') && isIPv6(value)) {
    const why = `IP address ${JSON.stringify(value)} with zone value is not allowed`;
    throw new EvaluationError(why);
  }
  if (/^::ffff:/i.test(value) && isIPv6(value)) {
    throw new EvaluationError(`IPv4-mapped IPv6 address ${JSON.stringify(value)} is not allowed`);
  }
  throw new EvaluationError(
    `IP Address ${JSON.stringify(value)} parse error during conversion from string: unable to parse IP`,
  );
}

function toCidr(value: string): Cidr {
  const found = parseCidr(value);
  if (found !== undefined) return found;
  const why = 'network address parse error during conversion from string';
  throw new EvaluationError(`${why}: ${JSON.stringify(value)} is no CIDR`);
}

function ip(value: CelValue): Ip {
  if (value instanceof Ip) return value;
  throw mismatch('net.IP', value);
}

function cidr(value: CelValue): Cidr {
  if (value instanceof Cidr) return value;
  throw mismatch('net.CIDR', value);
}

function isLoopback(address: Ip): boolean {
  return address.family === 'IPv4' ? address.isIn('127.0.0.0/8') : address.value === 1n;
}

function isGlobalUnicast(address: Ip): boolean {
  const isMulticast = address.isIn('224.0.0.0/4') || address.isIn('ff00::/8');
  const isBroadcast = address.family === 'IPv4' && address.value === 0xffff_ffffn;
  return !(
    address.value === 0n ||
    isLoopback(address) ||
    isMulticast ||
    isBroadcast ||
    isLinkLocal(address)
  );
}

function isLinkLocal(address: Ip): boolean {
  return address.isIn('169.254.0.0/16') || address.isIn('fe80::/10');
}

function containsCidr(outer: Cidr, inner: Cidr): boolean {
  return outer.length <= inner.length && outer.contains(inner.ip);
}

const ADDRESSES: Library = [
  ['ip', '(string) ip', (a) => toIp(text(a))],
  ['isIP', '(string) bool', (a) => parseAddress(text(a)) !== undefined],
  ['ip.isCanonical', '(string) bool', (a) => toIp(text(a)).identity === text(a)],
  ['string', '(ip) string', (a) => ip(a).identity],
  ['family', 'ip.() int', (a) => (ip(a).family === 'IPv4' ? 4n : 6n)],
  ['isUnspecified', 'ip.() bool', (a) => ip(a).value === 0n],
  ['isLoopback', 'ip.() bool', (a) => isLoopback(ip(a))],
  [
    'isLinkLocalMulticast',
    'ip.() bool',
    (a) => ip(a).isIn('224.0.0.0/24') || ip(a).isIn('ff02::/16'),
  ],
  ['isLinkLocalUnicast', 'ip.() bool', (a) => isLinkLocal(ip(a))],
  ['isGlobalUnicast', 'ip.() bool', (a) => isGlobalUnicast(ip(a))],
  ['cidr', '(string) cidr', (a) => toCidr(text(a))],
  ['isCIDR', '(string) bool', (a) => parseCidr(text(a)) !== undefined],
  ['string', '(cidr) string', (a) => cidr(a).identity],
  ['containsIP', 'cidr.(string) bool', (a, b) => cidr(a).contains(toIp(text(b)))],
  ['containsIP', 'cidr.(ip) bool', (a, b) => cidr(a).contains(ip(b))],
  ['containsCIDR', 'cidr.(string) bool', (a, b) => containsCidr(cidr(a), toCidr(text(b)))],
  ['containsCIDR', 'cidr.(cidr) bool', (a, b) => containsCidr(cidr(a), cidr(b))],
  ['ip', 'cidr.() ip', (a) => cidr(a).ip],
  ['prefixLength', 'cidr.() int', (a) => BigInt(cidr(a).length)],
  ['masked', 'cidr.() cidr', (a) => cidr(a).masked],
];

interface UrlParts {
  readonly scheme: string;
  readonly host: string;
  readonly hostname: string;
  readonly port: string;
  readonly path: string;
  readonly query: string;
}

class Url extends CelSpecial {
  override readonly type = 'kubernetes.URL';
  override readonly identity: string;
  readonly parts: UrlParts;

  constructor(whole: string, parts: UrlParts) {
    super();
    this.identity = whole;
    this.parts = parts;
  }
}

const AUTHORITY =
  /^(?:[^@[\]]*@)?(\[[0-9a-f:.]+(?:%25[^\]]*)?\]|[^@:[\]\s<>"^`{|}\\]*)(?::(\d*))?$/i;

const SCHEME = /^([a-z][a-z0-9+.-]*):/i;

/**
 * Reads an absolute URL, or an absolute path.
 *
 * @see Go net/url ParseRequestURI
 */
export function parseUrl(value: string): Url | undefined {
  if (value === '' || hasControl(value)) return undefined;
  const scheme = SCHEME.exec(value)?.[1] ?? '';
  if (scheme === '' && !value.startsWith('/')) return undefined;
  const [beforeFragment] = cutAt(scheme === '' ? value : value.slice(scheme.length + 1), '#');
  const [hierarchy, query = ''] = cutAt(beforeFragment, '?');
  const hasAuthority = hierarchy.startsWith('//');
  const [authority, rest] = hasAuthority ? cutAt(hierarchy.slice(2), '/') : ['', ''];
  const ofHost = rest === undefined ? '' : `/${rest}`;
  const path = hasAuthority ? ofHost : hierarchy;
  const parts = AUTHORITY.exec(authority);
  if (parts === null || /%(?![0-9a-f]{2})/i.test(path)) return undefined;
  const [, name = '', port = ''] = parts;
  return new Url(value, {
    scheme: scheme.toLowerCase(),
    host: authority.slice(authority.indexOf('@') + 1),
    hostname: name.startsWith('[') ? name.slice(1, -1) : name,
    port,
    query,
    path: escapedPath(path),
  });
}

function escapedPath(path: string): string {
  if (path.includes('%')) return path;
  return Array.from(path, (letter) =>
    /[\w.~!$&'()*+,;=:@/-]/.test(letter) ? letter : escaped(letter),
  ).join('');
}

function escaped(letter: string): string {
  return Array.from(Buffer.from(letter), (byte) => `%${byte.toString(16).toUpperCase()}`).join('');
}

function hasControl(value: string): boolean {
  return Array.from(value).some((letter) => letter < ' ' || letter === '\u007f');
}

function toUrl(value: string): Url {
  const found = parseUrl(value);
  if (found !== undefined) return found;
  const why = 'URL parse error during conversion from string';
  throw new EvaluationError(`${why}: parse ${JSON.stringify(value)}: invalid URI for request`);
}

function url(value: CelValue): UrlParts {
  if (value instanceof Url) return value.parts;
  throw mismatch('kubernetes.URL', value);
}

function queryOf({ query }: UrlParts): CelMap {
  const params = new URLSearchParams(query);
  return new CelMap(
    new Map([...params.keys()].map((key) => [key, new CelList(params.getAll(key))])),
  );
}

const URLS: Library = [
  ['url', '(string) url', (a) => toUrl(text(a))],
  ['isURL', '(string) bool', (a) => parseUrl(text(a)) !== undefined],
  ['getScheme', 'url.() string', (a) => url(a).scheme],
  ['getHost', 'url.() string', (a) => url(a).host],
  ['getHostname', 'url.() string', (a) => url(a).hostname],
  ['getPort', 'url.() string', (a) => url(a).port],
  ['getEscapedPath', 'url.() string', (a) => url(a).path],
  ['getQuery', 'url.() map<string, list<string>>', (a) => queryOf(url(a))],
];

export const NETWORK: Library = [...ADDRESSES, ...URLS];
