import { encodeAddress } from '@nodeagent/netlink-codec';

import { NetfilterError } from '../model/errors.js';
import type { NftNatFlag, NftPorts } from '../model/nft-steps.js';
import { nftTypeRow } from '../model/nft-types.js';
import type { NftFamily, NftStep } from '../model/nftables.js';
import { FAMILY_NUMBERS } from './nft-attrs.js';
import { type DatumRange, datumRange, encodeDatum } from './nft-datum.js';
import { type ExpressionWriter, FIRST_CELL, register } from './nft-expression-writer.js';
import {
  NAT_FLAGS,
  NAT_PORT_GIVEN,
  NAT_TYPES,
  REJECT_CODES,
  REJECT_TYPES,
} from './nft-expressions.js';
import { typeSize } from './nft-value.js';

type NatStep = Extract<NftStep, { kind: 'snat' | 'dnat' | 'masquerade' | 'redirect' }>;

/** Writes address and ports into registers and the expression that uses them. */
export function writeNat(writer: ExpressionWriter, step: NatStep): void {
  const address = 'address' in step ? step.address : undefined;
  const range = address === undefined ? undefined : addressRange(address, writer.family, step.kind);
  const given = 'port' in step ? step.port : 'ports' in step ? step.ports : undefined;
  const ports = given === undefined ? undefined : portRange(given, step.kind);
  const needsTarget = step.kind === 'snat' || step.kind === 'dnat';
  if (range === undefined && ports === undefined && needsTarget) {
    throw bad(`${step.kind}: needs an address or ports`);
  }
  const at: { address?: number; addressEnd?: number; port?: number; portEnd?: number } = {};
  let cell = FIRST_CELL;
  const put = (bytes: Buffer): number => {
    writer.immediate(cell, bytes);
    const used = register(cell);
    cell += 4;
    return used;
  };
  if (range !== undefined) {
    at.address = put(range.from);
    if (!range.from.equals(range.to)) at.addressEnd = put(range.to);
  }
  if (ports !== undefined) {
    at.port = put(ports.from);
    if (!ports.from.equals(ports.to)) at.portEnd = put(ports.to);
  }
  const named = step.flags ?? (step.kind === 'masquerade' ? (['fully-random'] as const) : []);
  const bits = natFlags(named, step.kind) | (ports === undefined ? 0 : NAT_PORT_GIVEN);
  const flags = bits === 0 ? {} : { flags: bits };
  if (step.kind === 'masquerade') return writer.add('masq', { ...at, ...flags });
  if (step.kind === 'redirect') return writer.add('redir', { ...at, ...flags });
  const family = range === undefined ? natFamily(writer.family, step.kind) : sized(range.from);
  writer.add('nat', { type: NAT_TYPES[step.kind], family, ...at, ...flags });
}

type NatMapStep = Extract<NftStep, { kind: 'snat-map' | 'dnat-map' }>;

/** Looks up the key, which is loaded, and translates to what the map holds. */
export function writeNatMap(writer: ExpressionWriter, step: NatMapStep): void {
  const { map } = step;
  if (typeof map === 'string') writer.addShort('lookup', { set: map, source: 1, register: 1 });
  else writer.add('lookup', { ...writer.takeSet(), source: 1, register: 1 });
  const first = typeof map === 'string' ? undefined : map[0]?.data;
  const data = first === undefined || 'kind' in first ? undefined : first;
  const family = natMapFamily(writer.family, data?.[0]);
  const size = family === FAMILY_NUMBERS.ip ? 4 : 16;
  const type = step.kind === 'snat-map' ? NAT_TYPES.snat : NAT_TYPES.dnat;
  // a named map of kube-proxy's kind holds ports; one that holds addresses only says so
  const withPort = data === undefined ? step.only !== 'address' : data.length > 1;
  const port = withPort ? { port: register(FIRST_CELL + size / 4) } : {};
  writer.addShort('nat', { type, family, address: 1, ...port });
}

type RejectStep = Extract<NftStep, { kind: 'reject' }>;

export function writeReject(
  writer: ExpressionWriter,
  step: RejectStep,
  write: (match: NftStep) => void,
): void {
  const { family } = writer;
  const isIp = family === 'ip' || family === 'ip6';
  const text =
    step.with ?? `${{ ip: 'icmp', ip6: 'icmpv6' }[family as string] ?? 'icmpx'} port-unreachable`;
  if (text === 'tcp reset') {
    writer.require({ transport: 6 }, 'reject with tcp reset', write);
    return writer.add('reject', { type: REJECT_TYPES['tcp reset'], code: Buffer.from([0]) });
  }
  const [kind = '', name = ''] = text.split(' ');
  const codes = Object.hasOwn(REJECT_CODES, kind)
    ? REJECT_CODES[kind as keyof typeof REJECT_CODES]
    : undefined;
  const code = codes !== undefined && Object.hasOwn(codes, name) ? codes[name] : undefined;
  if (codes === undefined || code === undefined) {
    const all = Object.entries(REJECT_CODES).flatMap(([k, names]) =>
      Object.keys(names).map((n) => `${k} ${n}`),
    );
    throw bad(`reject with "${text}": must be one of tcp reset, ${all.join(', ')}`);
  }
  if (kind === 'icmpx' && isIp) throw bad(`reject with "${text}": not in family ${family}`);
  if (kind !== 'icmpx') {
    writer.require({ network: kind === 'icmp' ? 'ip' : 'ip6' }, `reject with ${text}`, write);
  }
  const type = REJECT_TYPES[kind as 'icmp' | 'icmpv6' | 'icmpx'];
  writer.add('reject', { type, code: Buffer.from([code]) });
}

function addressRange(text: string, family: NftFamily, where: string): DatumRange {
  const first = encodeAddress(text.split(/[-/]/)[0] ?? '');
  const is4 = first?.length === 4;
  const size = first?.length ?? 0;
  const fits =
    size > 0 && (family === 'ip' || family === 'ip6' ? size === typeSize('address', family) : true);
  if (!fits) throw bad(`${where} address: "${text}" is not an address of family ${family}`);
  const row = nftTypeRow(is4 ? 'ipv4_addr' : 'ipv6_addr');
  const range = datumRange(row, text, `${where} address`);
  if (range !== undefined) return range;
  const one = encodeDatum(row, text, `${where} address`);
  return { from: one, to: one };
}

function portRange(ports: NftPorts, where: string): DatumRange {
  const row = nftTypeRow('inet_service');
  const range = datumRange(row, ports, `${where} port`);
  if (range !== undefined) return range;
  const one = encodeDatum(row, ports, `${where} port`);
  return { from: one, to: one };
}

function natFlags(flags: readonly NftNatFlag[], where: string): number {
  return flags.reduce((bits, flag) => {
    if (Object.hasOwn(NAT_FLAGS, flag)) return bits | NAT_FLAGS[flag];
    throw bad(`${where} flag "${flag}": must be one of ${Object.keys(NAT_FLAGS).join(', ')}`);
  }, 0);
}

function natFamily(family: NftFamily, where: string): number {
  if (family === 'ip' || family === 'ip6') return FAMILY_NUMBERS[family];
  throw bad(`${where}: needs an address in family ${family}`);
}

function natMapFamily(family: NftFamily, example: unknown): number {
  if (family === 'ip' || family === 'ip6') return FAMILY_NUMBERS[family];
  const size = encodeAddress(String(example).split(/[-/]/)[0] ?? '')?.length;
  if (size === 4) return FAMILY_NUMBERS.ip;
  if (size === 16) return FAMILY_NUMBERS.ip6;
  throw bad(`translation by a named map: only in families ip and ip6, not in ${family}`);
}

function sized(address: Buffer): number {
  return address.length === 4 ? FAMILY_NUMBERS.ip : FAMILY_NUMBERS.ip6;
}

function bad(message: string): NetfilterError {
  return new NetfilterError('NETFILTER_VALUE', `nft: ${message}`);
}
