import { isIPv4, isIPv6 } from 'node:net';

import { NetfilterError } from './errors.js';
import type { IpFamily } from './iptables.js';

/** Set types by ipset's names, which list the parts of an entry. */
export type IpsetType =
  'hash:ip' | 'hash:ip,port' | 'hash:ip,port,ip' | 'hash:ip,port,net' | 'bitmap:port';

/** A set and the entries it may hold. `bitmap:port` holds any port and has no address family. */
export interface IpsetSpec {
  /** At most 31 bytes. */
  readonly name: string;
  readonly type: IpsetType;
  readonly family: IpFamily;
  /** Maximum number of entries; 65,536 when absent. */
  readonly maxEntries?: number;
}

/** Protocols of entries with a port. */
export type IpsetProtocol = 'tcp' | 'udp' | 'sctp';

/** One entry; the type of its set decides which parts it has. */
export interface IpsetEntry {
  readonly ip?: string;
  readonly protocol?: IpsetProtocol;
  readonly port?: number;
  /** Second address of `hash:ip,port,ip`; prefix (`10.0.0.0/8`) of `hash:ip,port,net`. */
  readonly second?: string;
}

/** A set as the kernel reports it. */
export interface IpsetState {
  readonly spec: IpsetSpec;
  /** Number of rules and sets that use it. */
  readonly references: number;
  /** Texts as {@link ipsetEntryText} writes them, in no order. */
  readonly entries: readonly string[];
}

const PARTS: Readonly<Record<IpsetType, readonly (keyof IpsetEntry)[]>> = {
  'hash:ip': ['ip'],
  'hash:ip,port': ['ip', 'protocol', 'port'],
  'hash:ip,port,ip': ['ip', 'protocol', 'port', 'second'],
  'hash:ip,port,net': ['ip', 'protocol', 'port', 'second'],
  'bitmap:port': ['port'],
};

/**
 * The entry as `ipset` writes it, `10.0.0.1,tcp:80,10.0.0.2`; entries are compared by this text. A
 * prefix of full length is written without its length: `10.0.0.1,tcp:80,10.0.0.2` also stands for
 * `10.0.0.2/32`.
 */
export function ipsetEntryText({ ip, protocol, port, second }: IpsetEntry): string {
  if (ip === undefined) return String(port);
  if (port === undefined) return ip;
  const first = `${ip},${protocol}:${port}`;
  return second === undefined ? first : `${first},${second.replace(/^([\d.]+)\/32$|\/128$/, '$1')}`;
}

/** @throws {NetfilterError} `NETFILTER_SET_ENTRY` when the entry does not fit the set */
export function checkIpsetEntry(spec: IpsetSpec, entry: IpsetEntry): void {
  const wrong = whatIsWrong(spec, entry);
  if (wrong === undefined) return;
  const text = `ipset ${spec.name}: entry ${ipsetEntryText(entry)}: ${wrong}`;
  throw new NetfilterError('NETFILTER_SET_ENTRY', text);
}

function whatIsWrong({ type, family }: IpsetSpec, entry: IpsetEntry): string | undefined {
  const isOwn = family === 'IPv4' ? isIPv4 : isIPv6;
  const parts = PARTS[type];
  const given = (Object.keys(entry) as (keyof IpsetEntry)[]).filter(
    (part) => entry[part] !== undefined,
  );
  if (given.length !== parts.length || given.some((part) => !parts.includes(part))) {
    return `${type} has ${parts.join(', ')}`;
  }
  const { ip, port, second } = entry;
  if (ip !== undefined && !isOwn(ip)) return `${ip} is not an ${family} address`;
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 0xffff)) {
    return `port ${port} is not from 0 to 65535`;
  }
  if (second === undefined) return undefined;
  const [address = '', length] = second.split('/');
  if (!isOwn(address)) return `${second} is not ${family}`;
  if (type !== 'hash:ip,port,net') {
    return length === undefined ? undefined : `${second} is a prefix, not an address`;
  }
  const bits = length === undefined ? 1 : Number(length);
  const isLength = Number.isInteger(bits) && bits >= 1 && bits <= (family === 'IPv4' ? 32 : 128);
  return isLength ? undefined : `${second} has a prefix length that sets of prefixes do not take`;
}

/** @throws {NetfilterError} `NETFILTER_NAME` */
export function checkIpsetName(name: string): void {
  if (/^[\x21-\x7e]{1,31}$/.test(name)) return;
  const text = `ipset ${JSON.stringify(name)}: a name has 1 to 31 bytes without spaces`;
  throw new NetfilterError('NETFILTER_NAME', text);
}
