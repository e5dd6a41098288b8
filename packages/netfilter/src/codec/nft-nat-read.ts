import { decodeAddress, decodeAttrs } from '@nodeagent/netlink-codec';

import type { NftNatFlag, NftPorts } from '../model/nft-steps.js';
import { nftTypeRow } from '../model/nft-types.js';
import type { NftStep } from '../model/nftables.js';
import { rangeText } from './nft-datum.js';
import { EXPRESSIONS, NAT_FLAGS, NAT_TYPES } from './nft-expressions.js';
import type { Registers } from './nft-registers.js';
import { Unreadable } from './nft-registers.js';

/** Reads `nat`, `masq` and `redir` with what is loaded for them. @throws {Unreadable} */
export function readNat(
  { name, data }: Readonly<{ name: string; data: Buffer }>,
  registers: Registers,
): NftStep | undefined {
  if (name === 'masq') {
    const { flags = 0, port, portEnd } = decodeAttrs(EXPRESSIONS.masq, data);
    return { kind: 'masquerade', ...portsOf(registers, port, portEnd), flags: namesOf(flags) };
  }
  if (name === 'redir') {
    const { flags = 0, port, portEnd } = decodeAttrs(EXPRESSIONS.redir, data);
    return { kind: 'redirect', ...portsOf(registers, port, portEnd), ...flagsOf(flags) };
  }
  const {
    type,
    address,
    addressEnd,
    port,
    portEnd,
    flags = 0,
  } = decodeAttrs(EXPRESSIONS.nat, data);
  const kind = type === NAT_TYPES.dnat ? 'dnat' : 'snat';
  const loaded = address === undefined ? undefined : registers.get(address);
  if (loaded?.map !== undefined) {
    const { key, map } = loaded.map;
    if (addressEnd !== undefined && addressEnd !== address) throw new Unreadable();
    if (namesOf(flags).length > 0) throw new Unreadable();
    const only = typeof map === 'string' && port === undefined ? { only: 'address' as const } : {};
    return { kind: `${kind}-map`, key, map, ...only };
  }
  const ports = portsOf(registers, port, portEnd).ports;
  const more = flagsOf(flags);
  if (address === undefined) {
    if (kind === 'dnat' || ports === undefined) throw new Unreadable();
    return { kind, ports, ...more };
  }
  const to = addressText(registers, address, addressEnd);
  if (kind === 'snat') return { kind, address: to, ...(ports !== undefined && { ports }), ...more };
  return { kind, address: to, ...(ports !== undefined && { port: ports }), ...more };
}

function addressText(registers: Registers, first: number, last: number | undefined): string {
  const from = valueOf(registers, first);
  const to = last === undefined ? from : valueOf(registers, last);
  const [a, b] = [decodeAddress(from), decodeAddress(to)];
  if (a === undefined || b === undefined) throw new Unreadable();
  return a === b ? a : `${a}-${b}`;
}

function portsOf(
  registers: Registers,
  first: number | undefined,
  last: number | undefined,
): { ports?: NftPorts } {
  if (first === undefined) return {};
  const from = valueOf(registers, first);
  const to = last === undefined ? from : valueOf(registers, last);
  const row = nftTypeRow('inet_service');
  return { ports: rangeText(row, from.subarray(0, 2), to.subarray(0, 2)) };
}

function valueOf(registers: Registers, register: number): Buffer {
  const { value } = registers.get(register);
  if (value === undefined) throw new Unreadable();
  return value;
}

function namesOf(flags: number): readonly NftNatFlag[] {
  return Object.entries(NAT_FLAGS).flatMap(([name, bit]) =>
    (flags & bit) === 0 ? [] : [name as NftNatFlag],
  );
}

function flagsOf(flags: number): { flags?: readonly NftNatFlag[] } {
  const names = namesOf(flags);
  return names.length === 0 ? {} : { flags: names };
}
