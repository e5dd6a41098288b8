import type { ConnectionState, Match } from '../model/iptables.js';
import { optionWords, type RuleItem } from './rule-items.js';

export type Option = Extract<RuleItem, { kind: 'option' }>;

/**
 * Reads one `-m NAME` with its options; undefined when the model cannot express it without loss.
 */
export function modelMatch(module: string, options: readonly Option[]): Match | undefined {
  const [first, ...others] = options;
  if (first === undefined) return undefined;
  if (module === 'recent') return recent(options);
  if (module === 'statistic') return chance(options);
  const [value = '', ...more] = first.values;
  if (others.length > 0 || more.length > 0 || first.values.length === 0) return undefined;
  const negated = first.negated ? { negated: true } : {};
  switch (`${module} ${first.name}`) {
    case 'comment --comment':
      return first.negated ? undefined : { kind: 'comment', text: value };
    case 'nfacct --nfacct-name':
      return first.negated ? undefined : { kind: 'count', counter: value };
    case 'mark --mark':
    case 'connmark --mark': {
      const kind = module === 'mark' ? 'mark' : 'connection-mark';
      const mark = parseMark(value);
      return mark && { kind, ...mark, ...negated };
    }
    case 'conntrack --ctstate': {
      const states = value.split(',');
      return states.every(isState) ? { kind: 'connection-state', states, ...negated } : undefined;
    }
    case 'addrtype --src-type':
      return isType(value) ? { kind: 'source-type', type: value, ...negated } : undefined;
    case 'addrtype --dst-type':
      return isType(value) ? { kind: 'destination-type', type: value, ...negated } : undefined;
    default:
      return undefined;
  }
}

const PORT_OPTIONS: Readonly<Record<string, 'source-port' | 'destination-port'>> = {
  '--sport': 'source-port',
  '--source-port': 'source-port',
  '--dport': 'destination-port',
  '--destination-port': 'destination-port',
};

/**
 * Reads `--dport 80` or `! --sport 1024:65535`; undefined for other options, and for names of
 * ports.
 */
export function modelPort({ name, values, negated }: Option): Match | undefined {
  const kind = Object.hasOwn(PORT_OPTIONS, name) ? PORT_OPTIONS[name] : undefined;
  const [, from, colon, to] = /^(\d{0,5})(?:(:)(\d{0,5}))?$/.exec(values.join(' ')) ?? [];
  if (kind === undefined || from === undefined || `${from}${to ?? ''}` === '') return undefined;
  const port = from === '' ? 0 : Number(from);
  const lastPort = to === undefined || to === '' ? 65_535 : Number(to);
  if (port > 65_535 || lastPort > 65_535 || (colon === ':' && lastPort < port)) return undefined;
  const range = colon === ':' && lastPort !== port ? { lastPort } : {};
  return { kind, port, ...range, ...(negated ? { negated } : {}) };
}

const MARK = /^(0x[\da-f]{1,8}|\d{1,10})(?:\/(0x[\da-f]{1,8}|\d{1,10}))?$/i;

/** Reads `0x1` or `0x1/0xff`, decimal or hexadecimal, 32 bits each. */
export function parseMark(text: string): Readonly<{ value: number; mask: number }> | undefined {
  const [, value, mask = '0xffffffff'] = MARK.exec(text) ?? [];
  if (value === undefined) return undefined;
  const mark = { value: Number(value), mask: Number(mask) };
  return mark.value <= 0xffff_ffff && mark.mask <= 0xffff_ffff ? mark : undefined;
}

const STATES: ReadonlySet<string> = new Set<ConnectionState>([
  'NEW',
  'ESTABLISHED',
  'RELATED',
  'INVALID',
  'UNTRACKED',
  'DNAT',
  'SNAT',
]);

function isState(text: string): text is ConnectionState {
  return STATES.has(text);
}

function isType(text: string): boolean {
  return /^[A-Z]+(,[A-Z]+)*$/.test(text);
}

function chance(options: readonly Option[]): Match | undefined {
  const words = options.flatMap(optionWords);
  const [mode, random, option, value = ''] = words;
  const isRandom = mode === '--mode' && random === 'random' && option === '--probability';
  const probability = Number(value);
  if (!isRandom || words.length !== 4 || !/^[\d.]+$/.test(value)) return undefined;
  return probability >= 0 && probability <= 1 ? { kind: 'chance', probability } : undefined;
}

const WHOLE_ADDRESS = new Set(['255.255.255.255', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']);

/** The model knows two of the many uses of `-m recent`; any other option makes it another match. */
function recent(options: readonly Option[]): Match | undefined {
  const given = new Map(options.map((option) => [option.name, option.values.join(' ')]));
  if (given.size !== options.length || options.some(({ negated }) => negated)) return undefined;
  const list = given.get('--name') ?? 'DEFAULT';
  const mask = given.get('--mask');
  if (mask !== undefined && !WHOLE_ADDRESS.has(mask)) return undefined;
  for (const usual of ['--name', '--mask', '--rsource']) given.delete(usual);
  const names = [...given.keys()].toSorted().join(' ');
  if (names === '--set') return { kind: 'remember-source', list };
  const seconds = given.get('--seconds') ?? '';
  if (names !== '--rcheck --reap --seconds' || !/^\d{1,10}$/.test(seconds)) return undefined;
  return { kind: 'source-remembered', list, withinSeconds: Number(seconds) };
}
