import { LITTLE_ENDIAN } from '@nodeagent/netlink-codec';

import { addressBytes, familyOfBytes, formatAddress, type IpFamily } from '../model/address.js';
import { IpvsError } from '../model/errors.js';
import {
  type Persistence,
  type Protocol,
  type SchedulerFlag,
  type Service,
  serviceFamily,
  type ServiceId,
} from '../model/service.js';
import type { ServiceState } from '../model/state.js';
import { type MaskedFlags, SERVICE_FLAG, type ServiceAttrs } from './attrs.js';
import { decodeStatistics } from './statistics-attrs.js';

/** AF_INET, AF_INET6. */
export const ADDRESS_FAMILY: Readonly<Record<IpFamily, number>> = { IPv4: 2, IPv6: 10 };
const PROTOCOL_NUMBER: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Attributes that identify a service in every request. */
export function serviceIdAttrs(id: ServiceId): ServiceAttrs {
  if (id.kind === 'mark') return { family: ADDRESS_FAMILY[id.family], mark: id.mark };
  const address = addressBytes(id.address);
  const family = ADDRESS_FAMILY[familyOfBytes(address)];
  return { family, protocol: PROTOCOL_NUMBER[id.protocol], address, port: id.port };
}

export function serviceAttrs(service: Service): ServiceAttrs {
  const { id, scheduler, persistence, persistenceEngine } = service;
  return {
    ...serviceIdAttrs(id),
    scheduler,
    flags: { flags: flagBits(service), mask: 0xffff_ffff },
    timeout: persistence?.timeoutSeconds ?? 0,
    netmask: encodeNetmask(serviceFamily(id), persistence?.prefixLength),
    engine: persistenceEngine,
  };
}

function flagBits({ persistence, onePacket, schedulerFlags }: Service): number {
  let bits = persistence === undefined ? 0 : SERVICE_FLAG.persistent;
  if (onePacket) bits |= SERVICE_FLAG.onePacket;
  for (const flag of schedulerFlags) bits |= SERVICE_FLAG.scheduler[flag - 1] ?? 0;
  return bits;
}

function encodeNetmask(family: IpFamily, prefixLength: number | undefined): Buffer {
  const mask = Buffer.alloc(4);
  if (family === 'IPv4') {
    const ones = prefixLength ?? 32;
    mask.writeUInt32BE(ones === 0 ? 0 : (0xffff_ffff << (32 - ones)) >>> 0);
  } else if (LITTLE_ENDIAN) mask.writeUInt32LE(prefixLength ?? 128);
  else mask.writeUInt32BE(prefixLength ?? 128);
  return mask;
}

/** @throws {IpvsError} `IPVS_PROTOCOL` */
export function decodeService(attrs: ServiceAttrs): ServiceState {
  const id = decodeServiceId(attrs);
  const { flags } = attrs.flags ?? ({ flags: 0, mask: 0 } satisfies MaskedFlags);
  const schedulerFlags = ([1, 2, 3] as const).filter(
    (flag: SchedulerFlag) => (flags & (SERVICE_FLAG.scheduler[flag - 1] ?? 0)) !== 0,
  );
  return {
    id,
    scheduler: attrs.scheduler ?? 'none',
    schedulerFlags,
    persistence: decodePersistence(serviceFamily(id), flags, attrs),
    persistenceEngine: attrs.engine,
    onePacket: (flags & SERVICE_FLAG.onePacket) !== 0,
    statistics: decodeStatistics(attrs.statistics64 ?? attrs.statistics),
  };
}

/** @throws {IpvsError} `IPVS_PROTOCOL` */
export function decodeServiceId(attrs: ServiceAttrs): ServiceId {
  const family = decodeFamily(attrs.family);
  if (attrs.mark !== undefined) return { kind: 'mark', family, mark: attrs.mark };
  const known = Object.entries(PROTOCOL_NUMBER).find(([, number]) => number === attrs.protocol);
  if (known === undefined || attrs.address === undefined || attrs.port === undefined) {
    throw new IpvsError('IPVS_PROTOCOL', `A service without address, port or known protocol`);
  }
  const address = decodeAddressOf(family, attrs.address);
  return { kind: 'address', protocol: known[0] as Protocol, address, port: attrs.port };
}

export function decodeFamily(number: number | undefined): IpFamily {
  if (number === ADDRESS_FAMILY.IPv4) return 'IPv4';
  if (number === ADDRESS_FAMILY.IPv6) return 'IPv6';
  throw new IpvsError('IPVS_PROTOCOL', `Address family ${number}`);
}

/** @param bytes 16 bytes, of which IPv4 uses the first four; or the family's own number of bytes */
export function decodeAddressOf(family: IpFamily, bytes: Uint8Array): string {
  return formatAddress(family === 'IPv4' ? bytes.subarray(0, 4) : bytes);
}

function decodePersistence(
  family: IpFamily,
  flags: number,
  { timeout = 0, netmask }: ServiceAttrs,
): Persistence | undefined {
  if ((flags & SERVICE_FLAG.persistent) === 0) return undefined;
  return { timeoutSeconds: timeout, prefixLength: decodeNetmask(family, netmask) };
}

function decodeNetmask(family: IpFamily, bytes: Uint8Array | undefined): number {
  const all = family === 'IPv4' ? 32 : 128;
  if (bytes === undefined) return all;
  if (bytes.length < 4) throw new IpvsError('IPVS_PROTOCOL', `A netmask of ${bytes.length} bytes`);
  const view = Buffer.from(bytes);
  if (family === 'IPv4') {
    // other programs may set a mask with holes: the number of compared bits counts
    return view.readUInt32BE().toString(2).replaceAll('0', '').length;
  }
  return LITTLE_ENDIAN ? view.readUInt32LE() : view.readUInt32BE();
}
