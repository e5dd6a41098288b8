import type { Target } from '../model/iptables.js';
import { parseMark } from './rule-matches.js';

/**
 * Targets of extensions that may stand without options: a jump to one of these names does not lead
 * to a chain.
 */
const EXTENSIONS = new Set([
  ...['AUDIT', 'CHECKSUM', 'CLASSIFY', 'CLUSTERIP', 'CONNMARK', 'CONNSECMARK', 'CT', 'DNPT'],
  ...['DSCP', 'ECN', 'HL', 'HMARK', 'IDLETIMER', 'LED', 'LOG', 'NETMAP', 'NFLOG', 'NFQUEUE'],
  ...['NOTRACK', 'QUEUE', 'RATEEST', 'SECMARK', 'SET', 'SNAT', 'SNPT', 'SYNPROXY', 'TCPMSS'],
  ...['TCPOPTSTRIP', 'TEE', 'TOS', 'TPROXY', 'TRACE', 'TTL', 'ULOG'],
]);

/**
 * Reads `-j NAME ARGS` or `-g NAME`; `other` for everything that the model cannot express without
 * loss.
 */
export function parseTarget(isGoto: boolean, name: string, args: readonly string[]): Target {
  if (isGoto) return { kind: 'goto', chain: name };
  return modelTarget(name, args) ?? { kind: 'other', name, args };
}

function modelTarget(name: string, args: readonly string[]): Target | undefined {
  const [option = '', value = '', ...more] = args;
  if (args.length === 0) return plainTarget(name);
  if (more.length > 0) return undefined;
  switch (`${name} ${option}`) {
    case 'REJECT --reject-with':
      return value === '' ? undefined : { kind: 'reject', with: value };
    case 'MASQUERADE --random-fully':
      return args.length === 1 ? { kind: 'masquerade', randomFully: true } : undefined;
    case 'DNAT --to-destination':
      return ADDRESS_AND_PORT.test(value) ? { kind: 'dnat', to: value } : undefined;
    case 'REDIRECT --to-ports':
      return isPort(value) ? { kind: 'redirect', port: Number(value) } : undefined;
    default:
      return name === 'MARK' ? setMark(option, value) : undefined;
  }
}

function plainTarget(name: string): Target | undefined {
  switch (name) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
      return { kind: 'drop' };
    case 'RETURN':
      return { kind: 'return' };
    case 'REJECT':
      return { kind: 'reject' };
    case 'MASQUERADE':
      return { kind: 'masquerade' };
    default:
      return EXTENSIONS.has(name) ? undefined : { kind: 'jump', chain: name };
  }
}

/** Matches one address with one port, no ranges. */
const ADDRESS_AND_PORT = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[\da-f:.]+\]):\d{1,5}$/i;

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535;
}

/** All ways to set a mark reduce to one: mark = (mark & ~mask) ^ value. */
function setMark(option: string, text: string): Target | undefined {
  const mark = parseMark(text);
  if (mark === undefined) return undefined;
  const { value, mask } = mark;
  const hasMask = text.includes('/');
  switch (option) {
    case '--set-xmark':
      return { kind: 'set-mark', value, mask };
    case '--set-mark':
      return { kind: 'set-mark', value, mask: (mask | value) >>> 0 };
    case '--or-mark':
      return hasMask ? undefined : { kind: 'set-mark', value, mask: value };
    case '--xor-mark':
      return hasMask ? undefined : { kind: 'set-mark', value, mask: 0 };
    case '--and-mark':
      return hasMask ? undefined : { kind: 'set-mark', value: 0, mask: ~value >>> 0 };
    default:
      return undefined;
  }
}
