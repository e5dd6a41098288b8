import type {
  NftElement,
  NftFamily,
  NftHook,
  NftKeyPart,
  NftOperation,
  NftSet,
  NftStep,
  NftTableName,
  NftType,
  NftValue,
  NftVerdict,
} from '../model/nftables.js';
import { nftDataText } from '../model/nftables.js';

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
      yield `${operation.op === 'add-table' ? 'add' : 'delete'} table ${t}\n`;
      return;
    case 'add-chain': {
      const { name, base } = operation.chain;
      yield `add chain ${t} ${name}${base === undefined ? '' : ` { ${renderHook(base)} }`}\n`;
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
      const { steps, comment } = operation.rule;
      const text = steps.map((step) => renderStep(step, table.family)).join(' ');
      const quoted = comment === undefined ? '' : ` comment "${comment}"`;
      yield `add rule ${t} ${operation.chain} ${text}${quoted}\n`;
      return;
    }
    case 'add-elements':
    case 'delete-elements': {
      const verb = operation.op === 'add-elements' ? 'add' : 'delete';
      yield* renderElements(`${verb} element ${t} ${operation.set.name}`, operation);
      return;
    }
    case 'may-split':
      return;
  }
}

function* renderElements(
  command: string,
  operation: Extract<NftOperation, { op: 'add-elements' | 'delete-elements' }>,
): Generator<string, void> {
  let line: string[] = [];
  for (const element of operation.elements) {
    line.push(renderElement(element, operation.op === 'add-elements'));
    if (line.length < ELEMENTS_PER_LINE) continue;
    yield `${command} { ${line.join(', ')} }\n`;
    line = [];
  }
  if (line.length > 0) yield `${command} { ${line.join(', ')} }\n`;
}

function renderElement({ key, data }: NftElement, withData: boolean): string {
  const text = key.join(' . ');
  return withData && data !== undefined ? `${text} : ${nftDataText(data)}` : text;
}

function renderHook({ type, hook, priority }: NftHook): string {
  return `type ${type} hook ${hook} priority ${priority} ;`;
}

function renderSet({ family, name: table }: NftTableName, set: NftSet): string {
  const { name, key, data, timeoutMs, comment } = set;
  // a random number has no type name of its own: only an expression can stand for it
  const byExample = key.includes('index');
  const list = (types: readonly NftType[]): string =>
    types.map((type) => (byExample ? EXAMPLES[type](family) : typeName(type, family))).join(' . ');
  const to = data === undefined ? '' : ` : ${data === 'verdict' ? data : list(data)}`;
  const flags = timeoutMs === undefined ? '' : `flags dynamic,timeout ; timeout ${timeoutMs}ms ; `;
  const note = comment === undefined ? '' : `comment "${comment}" ; `;
  const kind = data === undefined ? 'set' : 'map';
  const type = byExample ? 'typeof' : 'type';
  return `${kind} ${family} ${table} ${name} { ${type} ${list(key)}${to} ; ${flags}${note}}`;
}

function typeName(type: NftType, family: NftFamily): string {
  switch (type) {
    case 'address':
      return family === 'ip' ? 'ipv4_addr' : 'ipv6_addr';
    case 'protocol':
      return 'inet_proto';
    case 'port':
      return 'inet_service';
    case 'index':
      return 'mark';
  }
}

const EXAMPLES: Readonly<Record<NftType, (family: NftFamily) => string>> = {
  address: (family) => `${family} daddr`,
  protocol: () => 'meta l4proto',
  port: () => 'th dport',
  index: () => 'numgen random mod 2',
};

function renderKey(key: readonly NftKeyPart[], family: NftFamily): string {
  return key.map((part) => renderKeyPart(part, family)).join(' . ');
}

function renderKeyPart(part: NftKeyPart, family: NftFamily): string {
  if (typeof part !== 'string') return `numgen random mod ${part.random}`;
  switch (part) {
    case 'source':
      return `${family} saddr`;
    case 'destination':
      return `${family} daddr`;
    case 'protocol':
      return 'meta l4proto';
    case 'destination-port':
      return 'th dport';
  }
}

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
      return `${renderKey(step.key, family)} @${step.set}`;
    case 'chance':
      return `numgen random mod ${step.in} 0`;
    case 'verdict-map':
      return `${renderKey(step.key, family)} vmap @${step.map}`;
    case 'set-mark':
      return `meta mark set meta mark | ${hex(step.bits)}`;
    case 'flip-mark':
      return `meta mark set meta mark ^ ${hex(step.bits)}`;
    case 'remember-source':
      return `update @${step.set} { ${family} saddr }`;
    case 'masquerade':
      return 'masquerade fully-random';
    case 'dnat':
      return `dnat to ${family === 'ip' ? step.address : `[${step.address}]`}:${step.port}`;
    case 'dnat-map':
      return `dnat ${family} to ${renderKey(step.key, family)} map @${step.map}`;
    case 'reject':
      return 'reject';
    case 'accept':
    case 'drop':
    case 'return':
    case 'jump':
    case 'goto':
      return renderVerdict(step);
  }
}

function renderVerdict(verdict: NftVerdict): string {
  return 'chain' in verdict ? `${verdict.kind} ${verdict.chain}` : verdict.kind;
}

function hex(bits: NftValue): string {
  return `0x${Number(bits).toString(16).padStart(8, '0')}`;
}
