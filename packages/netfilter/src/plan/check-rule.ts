import { isIP, isIPv4 } from 'node:net';

import { NetfilterError } from '../model/errors.js';
import type { Match, Target } from '../model/iptables.js';

/** IFNAMSIZ minus the end marker. @see Linux include/uapi/linux/if.h */
const MAX_INTERFACE = 15;
/** @see Linux include/uapi/linux/netfilter/xt_comment.h */
const MAX_COMMENT = 255;
/** @see Linux include/uapi/linux/netfilter/xt_recent.h, XT_RECENT_NAME_LEN */
const MAX_LIST = 199;
/** @see Linux include/uapi/linux/netfilter/nfnetlink_acct.h, NFACCT_NAME_MAX */
const MAX_COUNTER = 31;

const CONTROL = /\p{Cc}/u;
const NAME = /^[^\s\p{Cc}"'\\]+$/u;

/** Throws for a value that iptables cannot take, or would read as something else. */
export function refuse(field: string, must: string, found: unknown): never {
  throw new NetfilterError('NETFILTER_VALUE', `${field}: must be ${must}, found ${show(found)}`);
}

function show(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** True for an address, a prefix, or an address with a mask. */
export function isNetwork(text: string): boolean {
  const slash = text.indexOf('/');
  if (slash < 0) return isIP(text) !== 0;
  const [base, length] = [text.slice(0, slash), text.slice(slash + 1)];
  const family = isIP(base);
  if (/^\d{1,3}$/.test(length)) return family !== 0 && Number(length) <= (family === 4 ? 32 : 128);
  return family !== 0 && (family === 4 ? isIPv4(length) : isIP(length) === 6);
}

/** True for any name that the kernel takes; `+` at the end, or alone, stands for any characters. */
export function isInterface(name: string): boolean {
  const fits = name !== '' && Buffer.byteLength(name) <= MAX_INTERFACE;
  return fits && !/[\s/!"'\\\p{Cc}]/u.test(name);
}

/** True for a lower-case name of `/etc/protocols`, or a number. */
export function isProtocol(text: string): boolean {
  return /^\d{1,3}$/.test(text) ? Number(text) <= 255 : /^[a-z][a-z\d.+-]*$/.test(text);
}

export function isMark(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 65_535;
}

/** @throws {NetfilterError} `NETFILTER_VALUE` that names the match and its field */
export function checkMatch(match: Match): void {
  const { kind } = match;
  switch (kind) {
    case 'comment':
      checkText(`${kind}.text`, match.text, MAX_COMMENT);
      return;
    case 'protocol':
    case 'header':
      if (isProtocol(match.protocol)) return;
      refuse(`${kind}.protocol`, 'a lower-case name or 0 to 255', match.protocol);
      return;
    case 'source':
    case 'destination':
      if (isNetwork(match.network)) return;
      refuse(`${kind}.network`, 'an address or a prefix', match.network);
      return;
    case 'source-port':
    case 'destination-port': {
      const { port, lastPort = port } = match;
      if (!isPort(port)) refuse(`${kind}.port`, 'a whole number 0 to 65535', port);
      if (isPort(lastPort) && lastPort >= port) return;
      refuse(`${kind}.lastPort`, `a whole number ${port} to 65535`, lastPort);
      return;
    }
    case 'in-interface':
    case 'out-interface': {
      const must = `1 to ${MAX_INTERFACE} bytes without blanks, quotes, "/" and "!"`;
      if (!isInterface(match.name)) refuse(`${kind}.name`, must, match.name);
      return;
    }
    case 'mark':
    case 'connection-mark':
      checkMark(kind, match);
      return;
    case 'connection-state':
      if (match.states.length > 0 && match.states.every((state) => /^[A-Z]+$/.test(state))) return;
      refuse(`${kind}.states`, 'one or more states such as NEW', match.states.join());
      return;
    case 'source-type':
    case 'destination-type':
      if (!/^[A-Z]+(,[A-Z]+)*$/.test(match.type)) {
        refuse(`${kind}.type`, 'a type such as LOCAL', match.type);
      }
      return;
    case 'chance': {
      const { probability } = match;
      if (!(probability >= 0 && probability <= 1)) {
        refuse(`${kind}.probability`, '0 to 1', probability);
      }
      return;
    }
    case 'source-remembered':
    case 'remember-source': {
      checkName(`${kind}.list`, match.list, MAX_LIST);
      if (match.kind === 'remember-source' || isSeconds(match.withinSeconds)) return;
      refuse(`${kind}.withinSeconds`, 'a whole number above 0', match.withinSeconds);
      return;
    }
    case 'count':
      checkName(`${kind}.counter`, match.counter, MAX_COUNTER);
      return;
    case 'other':
      if (match.args.length === 0) refuse('other.args', 'at least one word', '');
      for (const word of match.args) checkWord('other.args', word);
      return;
    case 'fragment':
  }
}

/** @throws {NetfilterError} `NETFILTER_VALUE` that names the target and its field */
export function checkTarget(target: Target): void {
  switch (target.kind) {
    case 'reject':
      if (target.with === undefined || /^[a-z\d-]+$/.test(target.with)) return;
      refuse('reject.with', "iptables' name for an answer", target.with);
      return;
    case 'dnat': {
      const [, v4, v6, port] = /^(?:([\d.]+)|\[([\da-f:.]+)\]):(\d{1,5})$/i.exec(target.to) ?? [];
      if (isIP(v4 ?? v6 ?? '') !== 0 && Number(port) <= 65_535) return;
      refuse('dnat.to', 'address:port or [address]:port', target.to);
      return;
    }
    case 'redirect':
      if (!isPort(target.port)) refuse('redirect.port', '0 to 65535', target.port);
      return;
    case 'set-mark':
      checkMark('set-mark', target);
      return;
    case 'other':
      checkName('other.name', target.name, 28);
      for (const word of target.args) checkWord('other.args', word);
      return;
    default:
  }
}

function isSeconds(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= 0xffff_ffff;
}

function checkMark(kind: string, { value, mask }: Readonly<{ value: number; mask: number }>): void {
  if (!isMark(value)) refuse(`${kind}.value`, 'a whole number of 32 bits', value);
  if (!isMark(mask)) refuse(`${kind}.mask`, 'a whole number of 32 bits', mask);
}

function checkText(field: string, text: string, most: number): void {
  const fits = text !== '' && Buffer.byteLength(text) <= most;
  if (!fits || CONTROL.test(text)) {
    refuse(field, `1 to ${most} bytes without control characters`, text);
  }
}

function checkName(field: string, name: string, most: number): void {
  if (NAME.test(name) && Buffer.byteLength(name) <= most) return;
  refuse(field, `1 to ${most} bytes without blanks and quotes`, name);
}

/** iptables-restore reads line by line and drops empty words, quoted or not. */
function checkWord(field: string, word: string): void {
  if (word === '' || CONTROL.test(word)) {
    refuse(field, 'words that are not empty and hold no control characters', word);
  }
}
