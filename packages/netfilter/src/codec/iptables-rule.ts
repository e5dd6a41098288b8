import { NetfilterError } from '../model/errors.js';
import { HEADER_PROTOCOLS, type Match, type Rule, type Target } from '../model/iptables.js';
import { isInterface, isNetwork, isProtocol } from '../plan/check-rule.js';
import { optionWords, type RuleItem, splitItems } from './rule-items.js';
import { modelMatch, modelPort, type Option } from './rule-matches.js';
import { parseTarget } from './rule-target.js';

/**
 * Reads a rule's words, as `iptables-save` prints them or as a command line gives them. Words that
 * the model cannot express are kept one by one as `other`: rendering them gives the same rule.
 *
 * @throws {NetfilterError} `NETFILTER_PARSE` for a second target, and for options after `-g CHAIN`
 */
export function parseRule(words: readonly string[]): Rule {
  const parser = new RuleParser();
  for (const item of splitItems(words)) parser.take(item);
  return parser.end();
}

class RuleParser {
  readonly #matches: Match[] = [];
  #target: Target | undefined;
  #module: string | undefined;
  #options: Option[] = [];

  take(item: RuleItem): void {
    switch (item.kind) {
      case 'general':
        this.#closeModule();
        this.#matches.push(generalMatch(item));
        return;
      case 'load':
        this.#closeModule();
        this.#module = item.module;
        return;
      case 'option':
        this.#options.push(item);
        return;
      case 'target':
        this.#closeModule();
        this.#setTarget(item);
    }
  }

  end(): Rule {
    this.#closeModule();
    const matches = joinHeaders(this.#matches);
    return this.#target === undefined ? { matches } : { matches, target: this.#target };
  }

  #setTarget({ isGoto, name, args }: Extract<RuleItem, { kind: 'target' }>): void {
    if (this.#target !== undefined || name === '' || (isGoto && args.length > 0)) {
      const message = `rule: cannot read "${isGoto ? '-g' : '-j'} ${[name, ...args].join(' ')}" here`;
      throw new NetfilterError('NETFILTER_PARSE', message);
    }
    this.#target = parseTarget(isGoto, name, args);
  }

  #closeModule(): void {
    const [module, options] = [this.#module, this.#options];
    this.#module = undefined;
    this.#options = [];
    if (module === undefined || isHeader(module)) {
      if (module !== undefined) this.#matches.push({ kind: 'header', protocol: module });
      for (const option of options) this.#matches.push(modelPort(option) ?? verbatim(option));
      return;
    }
    // options of the protocol's own match may follow another match
    const own = options.filter((option) => modelPort(option) === undefined);
    const ports = options.flatMap((option) => modelPort(option) ?? []);
    const args = ['-m', module, ...own.flatMap(optionWords)];
    this.#matches.push(modelMatch(module, own) ?? { kind: 'other', args }, ...ports);
  }
}

function verbatim(option: Option): Match {
  return { kind: 'other', args: optionWords(option) };
}

function generalMatch(item: Extract<RuleItem, { kind: 'general' }>): Match {
  const { option, value, negated: isNegated } = item;
  const negated = isNegated ? { negated: true } : {};
  const other: Match = { kind: 'other', args: [...(isNegated ? ['!'] : []), option, value] };
  switch (option) {
    case '-s':
    case '-d': {
      const network = withoutHostPrefix(value);
      const kind = option === '-s' ? 'source' : 'destination';
      return isNetwork(network) ? { kind, network, ...negated } : other;
    }
    case '-i':
    case '-o': {
      const kind = option === '-i' ? 'in-interface' : 'out-interface';
      return isInterface(value) ? { kind, name: value, ...negated } : other;
    }
    case '-p':
      return isProtocol(value)
        ? { kind: 'protocol', protocol: value, bare: true, ...negated }
        : other;
    case '-f':
      return { kind: 'fragment', ...negated };
  }
}

function isHeader(module: string): boolean {
  return HEADER_PROTOCOLS.has(module);
}

function withoutHostPrefix(network: string): string {
  const suffix = network.includes(':') ? '/128' : '/32';
  return network.endsWith(suffix) ? network.slice(0, -suffix.length) : network;
}

/**
 * `-p tcp … -m tcp` is one match of the model, at the place of the second: the place of `-p` only
 * matters to extensions that look for it when they are read.
 */
function joinHeaders(matches: readonly Match[]): readonly Match[] {
  const at = matches.findIndex((match) => match.kind === 'protocol');
  const found = matches[at];
  if (found?.kind !== 'protocol') return matches;
  const protocol = withoutBare(found);
  if (!isHeader(found.protocol) || found.negated === true) {
    return matches.with(at, protocol);
  }
  const header = matches.findIndex(
    (match) => match.kind === 'header' && match.protocol === found.protocol,
  );
  if (header < 0) {
    // without `-m`, iptables loads the protocol's match at its first option
    return matches.some(isPortMatch) ? matches.with(at, protocol) : matches;
  }
  const between = matches.slice(Math.min(at, header) + 1, Math.max(at, header));
  if (between.some(({ kind }) => kind === 'other' || kind === 'header')) return matches;
  return matches.with(header, protocol).toSpliced(at, 1);
}

function withoutBare({ protocol, negated }: Extract<Match, { kind: 'protocol' }>): Match {
  return { kind: 'protocol', protocol, ...(negated === undefined ? {} : { negated }) };
}

function isPortMatch({ kind }: Match): boolean {
  return kind === 'source-port' || kind === 'destination-port';
}
