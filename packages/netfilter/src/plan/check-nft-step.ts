import { OBJECT_TYPES } from '../codec/nft-attrs.js';
import {
  CMP,
  DYNSET_OPS,
  LOG_FLAGS,
  LOG_LEVELS,
  NAT_FLAGS,
  QUEUE_FLAGS,
  RATE_UNITS,
} from '../codec/nft-expressions.js';
import { NetfilterError } from '../model/errors.js';
import type { NftRule, NftStep } from '../model/nftables.js';

/** Returns the values that are allowed, unless this is one of them. */
type Check = (value: unknown) => string | undefined;

const flag: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false');
const text: Check = (value) =>
  typeof value === 'string' && !/[\p{Cc}"]/u.test(value)
    ? undefined
    : 'text without control characters and quotes';
const value: Check = (found) => (typeof found === 'number' ? undefined : text(found));
const name: Check = (found) =>
  typeof found === 'string' && NAME.test(found)
    ? undefined
    : 'a name: a letter, then at most 254 letters, digits, "_", "-", "." and "/"';
const anything: Check = (found) => (found === undefined ? 'given' : undefined);
const list: Check = (found) => (Array.isArray(found) && found.length > 0 ? undefined : 'a list');
const integer =
  (least: number, most: number): Check =>
  (found) =>
    Number.isSafeInteger(found) && Number(found) >= least && Number(found) <= most
      ? undefined
      : `an integer from ${least} to ${most}`;
const oneOf = (names: object): Check => {
  const known = Object.keys(names);
  return (found) =>
    typeof found === 'string' && known.includes(found) ? undefined : `one of ${known.join(', ')}`;
};
const listOfThese = (names: object): Check => {
  const one = oneOf(names);
  return (found) =>
    Array.isArray(found) && found.every((item) => one(item) === undefined)
      ? undefined
      : `a list; each ${one(undefined)}`;
};
const map: Check = (found) => (Array.isArray(found) ? undefined : name(found));
const short =
  (most: number): Check =>
  (found) =>
    text(found) ?? (Buffer.byteLength(String(found)) <= most ? undefined : `at most ${most} bytes`);

/** Names as the kernel keeps them, at most 255 bytes; only these can be written as text. */
const NAME = /^[\w./\\-][\w./\\-]{0,254}$/;

const U32 = 0xffffffff;
const BITS = integer(0, U32);
const AMOUNT = integer(0, Number.MAX_SAFE_INTEGER);

interface Shape {
  readonly needs?: Readonly<Record<string, Check>>;
  readonly may?: Readonly<Record<string, Check>>;
}

const NAT = { ports: value, flags: listOfThese(NAT_FLAGS) };
const OVER = { over: flag };

/** Every kind of step with its properties. */
const SHAPES: Readonly<Record<NftStep['kind'], Shape>> = {
  'connection-new': {},
  translated: {},
  marked: { needs: { bits: BITS } },
  source: { needs: { network: text }, may: { negated: flag } },
  destination: { needs: { network: text }, may: { negated: flag } },
  'in-interface': { needs: { name: text }, may: { negated: flag } },
  'local-source': {},
  'local-destination': {},
  protocol: { needs: { protocol: text } },
  'in-set': { needs: { key: list, set: name } },
  chance: { needs: { in: integer(1, U32) } },
  'verdict-map': { needs: { key: list, map } },
  'set-mark': { needs: { bits: BITS } },
  'flip-mark': { needs: { bits: BITS } },
  'remember-source': { needs: { set: name } },
  masquerade: { may: NAT },
  dnat: { needs: { address: text }, may: { port: value, flags: NAT.flags } },
  'dnat-map': { needs: { key: list, map }, may: { only: oneOf({ address: 1 }) } },
  reject: { may: { with: text } },
  accept: {},
  drop: {},
  return: {},
  jump: { needs: { chain: name } },
  goto: { needs: { chain: name } },
  match: {
    needs: { field: anything },
    may: { mask: value, op: oneOf({ ...CMP, '!': 1 }), value, anyOf: list, set: name },
  },
  set: {
    needs: { field: text },
    may: { value, from: text, mask: BITS, xor: BITS, key: list, map },
  },
  counter: { may: { packets: AMOUNT, bytes: AMOUNT } },
  limit: {
    needs: { rate: integer(1, Number.MAX_SAFE_INTEGER), per: oneOf(RATE_UNITS) },
    may: { unit: oneOf({ packets: 1, bytes: 1 }), burst: integer(0, U32), ...OVER },
  },
  quota: { needs: { bytes: AMOUNT }, may: { used: AMOUNT, ...OVER } },
  'connection-limit': { needs: { count: integer(1, U32) }, may: OVER },
  log: {
    may: {
      prefix: short(127),
      group: integer(0, 0xffff),
      snaplen: integer(0, U32),
      queueThreshold: integer(0, 0xffff),
      level: oneOf(LOG_LEVELS),
      flags: listOfThese(LOG_FLAGS),
    },
  },
  'update-set': {
    needs: { op: oneOf(DYNSET_OPS), set: name, key: list },
    may: { timeoutMs: integer(1, Number.MAX_SAFE_INTEGER), each: list },
  },
  object: { needs: { type: oneOf(OBJECT_TYPES), name } },
  snat: { may: { address: text, ...NAT } },
  'snat-map': { needs: { key: list, map }, may: { only: oneOf({ address: 1 }) } },
  redirect: { may: NAT },
  queue: {
    needs: { first: integer(0, 0xffff) },
    may: { count: integer(1, 0xffff), flags: listOfThese(QUEUE_FLAGS) },
  },
  notrack: {},
  offload: { needs: { flowtable: name } },
  continue: {},
  text: { needs: { text } },
  other: {
    needs: {
      expression: name,
      data: (found) =>
        typeof found === 'string' && /^([\da-f]{2})*$/i.test(found) ? undefined : 'hexadecimal',
    },
  },
};

/**
 * Returns the step itself when its kind is known and its properties are what the kind takes.
 *
 * @throws {NetfilterError} `NETFILTER_VALUE` names the property and what is allowed
 */
export function checkedStep<T extends NftStep>(step: T): T {
  const { kind } = step;
  if (!Object.hasOwn(SHAPES, kind)) {
    throw bad(`step "${kind}": must be one of ${Object.keys(SHAPES).join(', ')}`);
  }
  const { needs = {}, may = {} } = SHAPES[kind];
  for (const [key, found] of Object.entries(step)) {
    if (key === 'kind' || (found === undefined && !(key in needs))) continue;
    const check = needs[key] ?? may[key];
    if (check === undefined) {
      const known = [...Object.keys(needs), ...Object.keys(may)];
      const all = known.length === 0 ? 'it takes none' : `must be one of ${known.join(', ')}`;
      throw bad(`${kind}: property "${key}": ${all}`);
    }
    const allowed = check(found);
    if (allowed !== undefined) throw bad(`${kind} ${key}: ${shown(found)} must be ${allowed}`);
  }
  for (const key of Object.keys(needs)) {
    if (!(key in step)) throw bad(`${kind}: ${key} is missing`);
  }
  if (kind === 'match') checkMatch(step);
  if (kind === 'log') checkLog(step);
  return step;
}

/**
 * Returns the rule itself. Every step is known, and so are its properties; their values are checked
 * once more when they are written for a family.
 *
 * @throws {NetfilterError} `NETFILTER_VALUE`
 */
export function nftRule(rule: NftRule): NftRule {
  rule.steps.forEach(checkedStep);
  if (rule.comment !== undefined) {
    const allowed = short(127)(rule.comment);
    if (allowed !== undefined) throw bad(`comment: ${shown(rule.comment)} must be ${allowed}`);
  }
  return rule;
}

function checkMatch(step: Extract<NftStep, { kind: 'match' }>): void {
  const given = [step.value, step.anyOf, step.set].filter((one) => one !== undefined);
  if (given.length !== 1) throw bad('match: exactly one of value, anyOf and set is needed');
}

function checkLog(step: Extract<NftStep, { kind: 'log' }>): void {
  const toGroup = step.group !== undefined;
  if (toGroup && (step.level !== undefined || step.flags !== undefined)) {
    throw bad('log: group excludes level and flags');
  }
  if (!toGroup && (step.snaplen !== undefined || step.queueThreshold !== undefined)) {
    throw bad('log: snaplen and queueThreshold need group');
  }
}

function shown(found: unknown): string {
  if (typeof found === 'bigint' || typeof found === 'symbol') return found.toString();
  return found === undefined || typeof found === 'function' ? typeof found : JSON.stringify(found);
}

function bad(message: string): NetfilterError {
  return new NetfilterError('NETFILTER_VALUE', `nft: ${message}`);
}
