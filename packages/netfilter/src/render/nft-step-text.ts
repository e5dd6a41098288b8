import { isList } from '../codec/nft-match-write.js';
import { type ResolvedPart, resolvePart } from '../codec/nft-parts.js';
import { NetfilterError } from '../model/errors.js';
import type {
  NftGeneralStep,
  NftLog,
  NftMapRef,
  NftMatch,
  NftPorts,
  NftSetField,
  NftStateful,
} from '../model/nft-steps.js';
import { nftTypeRow } from '../model/nft-types.js';
import type { NftFamily, NftKeyPart, NftStep } from '../model/nftables.js';
import { checkedStep } from '../plan/check-nft-step.js';
import { bitsText, hex, inlineText, partsText, partText, valueText } from './nft-part-text.js';

/** Renders one of the general steps. @throws {NetfilterError} `NETFILTER_VALUE` */
export function renderGeneralStep(step: NftGeneralStep, family: NftFamily): string {
  checkedStep(step);
  switch (step.kind) {
    case 'match':
      return matchText(step, family);
    case 'set':
      return setText(step, family);
    case 'counter':
    case 'limit':
    case 'quota':
    case 'connection-limit':
      return statefulText(step);
    case 'object':
      return step.type === 'ct helper'
        ? `ct helper set "${step.name}"`
        : `${step.type} name "${step.name}"`;
    case 'log':
      return logText(step);
    case 'snat':
    case 'redirect':
      return natText(step, family);
    case 'snat-map':
      return `snat ${natFamily(family)}to ${mapText(step.key, step.map, family, [])}`;
    case 'update-set': {
      const { op, set, key, timeoutMs, each = [] } = step;
      const timeout = timeoutMs === undefined ? '' : ` timeout ${timeoutMs}ms`;
      const states = each.map((state) => ` ${statefulText(state)}`).join('');
      return `${op} @${set} { ${partsText(key, family)}${timeout}${states} }`;
    }
    case 'queue': {
      const { first, count = 1, flags = [] } = step;
      const range = count === 1 ? String(first) : `${first}-${first + count - 1}`;
      return `queue num ${range}${flags.length === 0 ? '' : ` ${flags.join(',')}`}`;
    }
    case 'notrack':
    case 'continue':
      return step.kind;
    case 'offload':
      return `flow add @${step.flowtable}`;
    case 'text':
      return step.text;
    case 'other': {
      const message = `nft: expression "${step.expression}": cannot be written as text, only by netlink`;
      throw new NetfilterError('NETFILTER_VALUE', message);
    }
  }
}

function matchText(match: NftMatch, family: NftFamily): string {
  const { field, mask, op, value, anyOf, set } = match;
  const key: readonly NftKeyPart[] = isList(field) ? field : [field];
  const parts = key.map((part) => resolvePart(part, family));
  const name = partsText(key, family);
  const sign = op === undefined || op === '==' ? '' : `${op} `;
  if (set !== undefined) return `${name} ${sign}@${set}`;
  if (anyOf !== undefined) {
    const elements = anyOf.map((one) => ({ key: isList(one) ? one : [one] }));
    return `${name} ${sign}${inlineText(parts, elements, [])}`;
  }
  const [part] = parts;
  if (part === undefined || value === undefined) return name;
  if (mask !== undefined) {
    return `${name} & ${bitsText(part, mask)} ${op ?? '=='} ${bitsText(part, value)}`;
  }
  if (part.row.isBits === true) {
    if (op === '!') return `${name} & ${bitsText(part, value)} == 0`;
    return op === undefined
      ? `${name} ${valueText(part, value)}`
      : `${name} ${op} ${bitsText(part, value)}`;
  }
  return `${name} ${sign}${valueText(part, value)}`;
}

function setText(step: NftSetField, family: NftFamily): string {
  const { field, value, from, mask, xor, key = [], map } = step;
  const name = partText(field, family);
  const part = resolvePart(field, family);
  if (map !== undefined) return `${name} set ${mapText(key, map, family, [part])}`;
  if (from !== undefined) {
    const and = mask === undefined || mask === 0xffffffff ? '' : ` & ${hex(mask)}`;
    const flip = xor === undefined || xor === 0 ? '' : ` ^ ${hex(xor)}`;
    return `${name} set ${partText(from, family)}${and}${flip}`;
  }
  return `${name} set ${valueText(part, value ?? '')}`;
}

/** `ip saddr map @name`, or with the elements. */
export function mapText(
  key: readonly NftKeyPart[],
  map: NftMapRef,
  family: NftFamily,
  data: readonly ResolvedPart[],
  word: 'map' | 'vmap' = 'map',
): string {
  const parts = key.map((part) => resolvePart(part, family));
  const to = typeof map === 'string' ? `@${map}` : inlineText(parts, map, data);
  return `${partsText(key, family)} ${word} ${to}`;
}

type NatStep = Extract<NftStep, { kind: 'snat' | 'dnat' | 'redirect' | 'masquerade' }>;

export function natText(step: NatStep, family: NftFamily): string {
  const address = 'address' in step ? step.address : undefined;
  const ports = 'port' in step ? step.port : 'ports' in step ? step.ports : undefined;
  const flags =
    step.flags === undefined || step.flags.length === 0 ? '' : ` ${step.flags.join(',')}`;
  const to = `${addressText(address, ports)}${ports === undefined ? '' : `:${portsText(ports)}`}`;
  if (to === '') return `${step.kind}${flags}`;
  const own =
    address === undefined || family === 'ip' || family === 'ip6'
      ? ''
      : address.includes(':')
        ? 'ip6 '
        : 'ip ';
  return `${step.kind} ${own}to ${to}${flags}`;
}

function addressText(address: string | undefined, ports: NftPorts | undefined): string {
  if (address === undefined) return '';
  const isSix = address.includes(':');
  const row = nftTypeRow(isSix ? 'ipv6_addr' : 'ipv4_addr');
  const text = valueText({ type: 'address', row, needs: {}, where: 'address' }, address);
  if (!isSix || ports === undefined) return text;
  return text
    .split('-')
    .map((one) => `[${one}]`)
    .join('-');
}

function portsText(ports: NftPorts): string {
  const row = nftTypeRow('inet_service');
  return valueText({ type: 'inet_service', row, needs: {}, where: 'port' }, ports);
}

function natFamily(family: NftFamily): string {
  return family === 'ip' || family === 'ip6' ? `${family} ` : 'ip ';
}

/** Also within sets and objects. */
export function statefulText(step: NftStateful): string {
  switch (step.kind) {
    case 'counter': {
      const { packets = 0, bytes = 0 } = step;
      return packets === 0 && bytes === 0 ? 'counter' : `counter packets ${packets} bytes ${bytes}`;
    }
    case 'quota':
      return quotaText(step);
    case 'limit':
      return limitText(step);
    case 'connection-limit':
      return `ct count ${over(step)}${step.count}`;
  }
}

function limitText(step: Extract<NftStateful, { kind: 'limit' }>): string {
  const isBytes = step.unit === 'bytes';
  const rate = isBytes ? `${step.rate} bytes` : String(step.rate);
  const burst = step.burst ?? (isBytes ? 0 : 5);
  const most = burst === 0 ? '' : ` burst ${burst} ${isBytes ? 'bytes' : 'packets'}`;
  return `limit rate ${over(step)}${rate}/${step.per}${most}`;
}

function quotaText(step: Extract<NftStateful, { kind: 'quota' }>): string {
  const used = step.used === undefined || step.used === 0 ? '' : ` used ${step.used} bytes`;
  return `quota ${over(step)}${step.bytes} bytes${used}`;
}

function over({ over: isOver }: Readonly<{ over?: boolean }>): string {
  return isOver === true ? 'over ' : '';
}

function logText({ prefix, group, snaplen, queueThreshold, level, flags = [] }: NftLog): string {
  return [
    'log',
    ...(prefix === undefined ? [] : [`prefix "${prefix}"`]),
    ...(group === undefined ? [] : [`group ${group}`]),
    ...(snaplen === undefined ? [] : [`snaplen ${snaplen}`]),
    ...(queueThreshold === undefined ? [] : [`queue-threshold ${queueThreshold}`]),
    ...(level === undefined ? [] : [`level ${level}`]),
    ...flags.map((flag) => `flags ${flag}`),
  ].join(' ');
}
