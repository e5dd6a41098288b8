import { typeRow } from '../codec/nft-datum.js';
import { isObject } from '../codec/nft-set-write.js';
import { NetfilterError } from '../model/errors.js';
import { statefulOf } from '../model/nft-stateful.js';
import { NFT_TYPES } from '../model/nft-types.js';
import type {
  NftElement,
  NftFamily,
  NftHook,
  NftObject,
  NftOperation,
  NftRule,
  NftSet,
  NftStep,
  NftTableName,
  NftType,
} from '../model/nftables.js';
import { nftDataText } from '../model/nftables.js';
import { checkedStep } from '../plan/check-nft-step.js';
import { hex, partsText, verdictText } from './nft-part-text.js';
import { mapText, natText, renderGeneralStep, statefulText } from './nft-step-text.js';

/** Longer lists are written as several commands, so that no line grows without limit. */
const ELEMENTS_PER_LINE = 500;

/**
 * Renders operations as commands for `nft -f -`, one per line with its line end: for people, and
 * for machines without netlink. One script is one transaction.
 */
export function* renderNftScript(
  table: NftTableName,
  operations: Iterable<NftOperation>,
): Generator<string, void> {
  for (const operation of operations) yield* renderOperation(table, operation);
}

function* renderOperation(table: NftTableName, operation: NftOperation): Generator<string, void> {
  const t = `${table.family} ${table.name}`;
  switch (operation.op) {
    case 'add-table':
    case 'delete-table':
      yield `${operation.op === 'add-table' ? 'add' : 'delete'} table ${t}${tableBody(operation)}\n`;
      return;
    case 'add-chain': {
      const { name, base, comment } = operation.chain;
      const body = `${base === undefined ? '' : ` ${renderHook(base)}`}${noteText(comment)}`;
      yield `add chain ${t} ${name}${body === '' ? '' : ` {${body} }`}\n`;
      return;
    }
    case 'flush-chain':
    case 'delete-chain':
      yield `${operation.op === 'flush-chain' ? 'flush' : 'delete'} chain ${t} ${operation.chain}\n`;
      return;
    case 'add-set':
      yield `add ${renderSet(table, operation.set)}\n`;
      return;
    case 'flush-set':
    case 'delete-set':
      yield `${operation.op === 'flush-set' ? 'flush' : 'delete'} set ${t} ${operation.set}\n`;
      return;
    case 'add-rule': {
      const { chain, rule, at } = operation;
      yield `${ruleVerb(operation.op, at)} ${t} ${chain} ${place(at)}${ruleText(rule, table.family)}\n`;
      return;
    }
    case 'replace-rule': {
      const { chain, handle, rule } = operation;
      yield `replace rule ${t} ${chain} handle ${handle} ${ruleText(rule, table.family)}\n`;
      return;
    }
    case 'delete-rule':
      yield `delete rule ${t} ${operation.chain} handle ${operation.handle}\n`;
      return;
    case 'add-object':
      yield `add ${objectText(t, operation.object)}\n`;
      return;
    case 'delete-object':
      yield `delete ${operation.type} ${t} ${operation.name}\n`;
      return;
    case 'add-flowtable': {
      const { name, priority, devices } = operation.flowtable;
      const list = devices.map((device) => `"${device}"`).join(', ');
      yield `add flowtable ${t} ${name} { hook ingress priority ${priority} ; devices = { ${list} } ; }\n`;
      return;
    }
    case 'delete-flowtable':
      yield `delete flowtable ${t} ${operation.flowtable}\n`;
      return;
    case 'add-elements':
    case 'delete-elements': {
      const verb = operation.op === 'add-elements' ? 'add' : 'delete';
      const command = `${verb} element ${t} ${operation.set.name}`;
      yield* renderElements(command, operation, table.family);
      return;
    }
    case 'may-split':
      return;
  }
}

function* renderElements(
  command: string,
  operation: ElementOperation,
  family: NftFamily,
): Generator<string, void> {
  let line: string[] = [];
  for (const element of operation.elements) {
    line.push(renderElement(element, operation, family));
    if (line.length < ELEMENTS_PER_LINE) continue;
    yield `${command} { ${line.join(', ')} }\n`;
    line = [];
  }
  if (line.length > 0) yield `${command} { ${line.join(', ')} }\n`;
}

type ElementOperation = Extract<NftOperation, { op: 'add-elements' | 'delete-elements' }>;

function renderElement(
  { key, data, timeoutMs, comment }: NftElement,
  { op, set }: ElementOperation,
  family: NftFamily,
): string {
  const isName = (type: NftType | undefined): boolean =>
    type !== undefined && typeRow(type, family).form === 'text';
  const text = key.map((value, i) => (isName(set.key[i]) ? `"${value}"` : value)).join(' . ');
  if (op === 'delete-elements') return text;
  const timeout = timeoutMs === undefined ? '' : ` timeout ${timeoutMs}ms`;
  const note = comment === undefined ? '' : ` comment "${comment}"`;
  const isNamed = isObject(set.data) || (Array.isArray(set.data) && isName(set.data[0] as NftType));
  const to = isNamed ? `"${nftDataText(data)}"` : nftDataText(data);
  return `${text}${timeout}${note}${data === undefined ? '' : ` : ${to}`}`;
}

function renderHook({ type, hook, priority, policy, devices = [] }: NftHook): string {
  const list = devices.map((device) => `"${device}"`).join(', ');
  const on =
    devices.length === 0 ? '' : devices.length === 1 ? ` device ${list}` : ` devices = { ${list} }`;
  const end = policy === undefined ? '' : ` policy ${policy} ;`;
  return `type ${type} hook ${hook}${on} priority ${priority} ;${end}`;
}

function tableBody(operation: Extract<NftOperation, { op: 'add-table' | 'delete-table' }>): string {
  if (operation.op === 'delete-table') return '';
  const { dormant, comment } = operation;
  const body = `${dormant === true ? ' flags dormant ;' : ''}${noteText(comment)}`;
  return body === '' ? '' : ` {${body} }`;
}

function noteText(comment: string | undefined): string {
  return comment === undefined ? '' : ` comment "${comment}" ;`;
}

function ruleVerb(op: 'add-rule', at: unknown): string {
  const isBefore = at === 'first' || (typeof at === 'object' && at !== null && 'before' in at);
  return isBefore ? 'insert rule' : op.replace('-', ' ');
}

function place(at: Extract<NftOperation, { op: 'add-rule' }>['at']): string {
  if (at === undefined || at === 'first') return '';
  return `position ${'before' in at ? at.before : at.after} `;
}

function ruleText({ steps, comment }: NftRule, family: NftFamily): string {
  const text = steps.map((step) => renderStep(step, family)).join(' ');
  return comment === undefined ? text : `${text} comment "${comment}"`;
}

function objectText(table: string, object: NftObject): string {
  const { type, name, comment } = object;
  const note = noteText(comment);
  if (type === 'ct helper') {
    const { helper, protocol, network } = object;
    const l3 = network === undefined ? '' : ` l3proto ${network} ;`;
    return `ct helper ${table} ${name} { type "${helper}" protocol ${protocol} ;${l3}${note} }`;
  }
  const body = statefulText(statefulOf(object)).replace(/^\w+ ?/, '');
  return `${type} ${table} ${name} {${body === '' ? '' : ` ${body} ;`}${note} }`;
}

function renderSet({ family, name: table }: NftTableName, set: NftSet): string {
  const { name, key, data, timeoutMs, comment, flags, size, each = [] } = set;
  // a random number has no type name of its own: only an expression can stand for it
  const byExample = key.includes('index');
  const list = (types: readonly NftType[]): string =>
    types.map((type) => (byExample ? example(type, family) : typeName(type, family))).join(' . ');
  const to =
    data === undefined
      ? ''
      : ` : ${data === 'verdict' ? data : isObject(data) ? data.object : list(data)}`;
  const named = flags ?? (timeoutMs === undefined ? [] : ['dynamic', 'timeout']);
  const parts = [
    ...(named.length === 0 ? [] : [`flags ${named.join(',')}`]),
    ...(timeoutMs === undefined ? [] : [`timeout ${timeoutMs}ms`]),
    ...(size === undefined ? [] : [`size ${size}`]),
    ...each.map(statefulText),
    ...(comment === undefined ? [] : [`comment "${comment}"`]),
  ];
  const body = parts.map((part) => `${part} ; `).join('');
  const kind = data === undefined ? 'set' : 'map';
  const type = byExample ? 'typeof' : 'type';
  return `${kind} ${family} ${table} ${name} { ${type} ${list(key)}${to} ; ${body}}`;
}

function typeName(type: NftType, family: NftFamily): string {
  const row = typeRow(type, family);
  switch (type) {
    case 'address':
      return family === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
    case 'protocol':
      return 'inet_proto';
    case 'port':
      return 'inet_service';
    case 'index':
      return 'mark';
    default:
      if (row.id > INTEGER_TYPE || row.id === NFT_TYPES.nf_proto.id) return type;
      throw new NetfilterError('NETFILTER_VALUE', `nft: type "${type}": has no name in text`);
  }
}

const INTEGER_TYPE = 4;

/** @throws {NetfilterError} `NETFILTER_VALUE` for types that no field stands for */
function example(type: NftType, family: NftFamily): string {
  const found = Object.hasOwn(EXAMPLES, type) ? EXAMPLES[type as keyof typeof EXAMPLES] : undefined;
  if (found !== undefined) return found(family);
  throw new NetfilterError('NETFILTER_VALUE', `nft: type "${type}": not with a random number`);
}

const EXAMPLES = {
  address: (family: NftFamily) => `${family} daddr`,
  protocol: () => 'meta l4proto',
  port: () => 'th dport',
  index: () => 'numgen random mod 2',
} as const;

/** Renders one step as nft writes it in a rule. */
export function renderStep(step: NftStep, family: NftFamily): string {
  switch (step.kind) {
    case 'connection-new':
      return 'ct state new';
    case 'translated':
      return 'ct status dnat';
    case 'marked':
      return `meta mark & ${hex(step.bits)} != 0`;
    case 'source':
      return `${family} saddr${step.negated === true ? ' !=' : ''} ${step.network}`;
    case 'destination':
      return `${family} daddr${step.negated === true ? ' !=' : ''} ${step.network}`;
    case 'in-interface':
      return `iifname${step.negated === true ? ' !=' : ''} "${step.name}"`;
    case 'local-source':
      return 'fib saddr type local';
    case 'local-destination':
      return 'fib daddr type local';
    case 'protocol':
      return `meta l4proto ${step.protocol}`;
    case 'in-set':
      return `${partsText(step.key, family)} @${step.set}`;
    case 'chance':
      return `numgen random mod ${step.in} 0`;
    case 'verdict-map':
      return mapText(step.key, step.map, family, [], 'vmap');
    case 'set-mark':
      return `meta mark set meta mark | ${hex(step.bits)}`;
    case 'flip-mark':
      return `meta mark set meta mark ^ ${hex(step.bits)}`;
    case 'remember-source':
      return `update @${step.set} { ${family} saddr }`;
    case 'masquerade':
      return natText({ ...step, flags: step.flags ?? ['fully-random'] }, family);
    case 'dnat':
      return natText(step, family);
    case 'dnat-map':
      return `dnat ${family} to ${mapText(step.key, step.map, family, [])}`;
    case 'reject':
      return rejectText(checkedStep(step));
    case 'accept':
    case 'drop':
    case 'return':
    case 'jump':
    case 'goto':
      return verdictText(step);
    default:
      return renderGeneralStep(step, family);
  }
}

function rejectText({ with: answer }: Extract<NftStep, { kind: 'reject' }>): string {
  if (answer === undefined) return 'reject';
  return `reject with ${answer === 'tcp reset' ? answer : answer.replace(' ', ' type ')}`;
}
