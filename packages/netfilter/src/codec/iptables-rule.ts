import type { ConnectionState, Match, Rule, Target } from '../model/iptables.js';

/** Reads the words one by one, with the `!` that may stand before an option. */
class Words {
  readonly #words: readonly string[];
  #next = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  get done(): boolean {
    return this.#next >= this.#words.length;
  }

  take(): string {
    return this.#words[this.#next++] ?? '';
  }

  /** Everything up to the next `-m`, `-j`, `-g` or negation: what an unknown extension was given. */
  takeOptions(): string[] {
    const from = this.#next;
    while (!this.done && !/^(-[mjgpsdio]|!)$/.test(this.#words[this.#next] ?? '')) this.#next += 1;
    return this.#words.slice(from, this.#next);
  }

  takeRest(): string[] {
    const rest = this.#words.slice(this.#next);
    this.#next = this.#words.length;
    return rest;
  }
}

/**
 * Reads a rule's words, as `iptables-save` prints them or as they are given on a command line.
 * Whatever the model does not know is kept as `other`, so nothing is lost.
 */
export function parseRule(given: readonly string[]): Rule {
  const words = new Words(given);
  const matches: Match[] = [];
  let negated = false;
  let module = '';
  while (!words.done) {
    const word = words.take();
    if (word === '!') {
      negated = true;
      continue;
    }
    if (word === '-j' || word === '-g') {
      return { matches, target: parseTarget(word, words.take(), words.takeRest()) };
    }
    if (word === '-m') module = words.take();
    else if (word === '-p') addProtocol(matches, words.take());
    else {
      const match = parseOption(word, words, negated) ?? unknown(module, word, words, negated);
      matches.push(match);
    }
    negated = false;
  }
  return { matches };
}

function addProtocol(matches: Match[], protocol: string): void {
  matches.push({ kind: 'protocol', protocol });
}

function unknown(module: string, word: string, words: Words, negated: boolean): Match {
  const not = negated ? ['!'] : [];
  return { kind: 'other', args: ['-m', module, ...not, word, ...words.takeOptions()] };
}

function parseOption(word: string, words: Words, isNegated: boolean): Match | undefined {
  const negated = isNegated ? { negated: true } : {};
  switch (word) {
    case '-s':
      return { kind: 'source', network: withoutHostPrefix(words.take()), ...negated };
    case '-d':
      return { kind: 'destination', network: withoutHostPrefix(words.take()), ...negated };
    case '-i':
      return { kind: 'in-interface', name: words.take(), ...negated };
    case '-o':
      return { kind: 'out-interface', name: words.take(), ...negated };
    case '--comment':
      return { kind: 'comment', text: words.take() };
    case '--mark': {
      const [value = '0', mask = '0xffffffff'] = words.take().split('/');
      return { kind: 'mark', value: Number(value), mask: Number(mask), ...negated };
    }
    case '--ctstate':
      return {
        kind: 'connection-state',
        states: words.take().split(',') as ConnectionState[],
        ...negated,
      };
    case '--nfacct-name':
      return { kind: 'count', counter: words.take() };
    default:
      return isNegated ? undefined : parsePlainOption(word, words);
  }
}

function parsePlainOption(word: string, words: Words): Match | undefined {
  switch (word) {
    case '--sport':
      return { kind: 'source-port', port: Number(words.take()) };
    case '--dport':
      return { kind: 'destination-port', port: Number(words.take()) };
    case '--src-type':
      return { kind: 'source-type', type: words.take() };
    case '--dst-type':
      return { kind: 'destination-type', type: words.take() };
    case '--mode':
      words.take(); // random; `--probability` follows
      words.take();
      return { kind: 'chance', probability: Number(words.take()) };
    case '--name':
    case '--set':
    case '--rcheck':
      return parseRecent([word, ...words.takeOptions()]);
    default:
      return undefined;
  }
}

function parseRecent(options: readonly string[]): Match {
  const after = (option: string): string => options[options.indexOf(option) + 1] ?? '';
  const list = after('--name');
  if (options.includes('--set')) return { kind: 'remember-source', list };
  if (options.includes('--rcheck')) {
    return { kind: 'source-remembered', list, withinSeconds: Number(after('--seconds')) };
  }
  return { kind: 'other', args: ['-m', 'recent', ...options] };
}

function withoutHostPrefix(network: string): string {
  const suffix = network.includes(':') ? '/128' : '/32';
  return network.endsWith(suffix) ? network.slice(0, -suffix.length) : network;
}

function parseTarget(option: string, name: string, args: string[]): Target {
  const after = (word: string): string => args[args.indexOf(word) + 1] ?? '';
  if (option === '-g') return { kind: 'goto', chain: name };
  switch (name) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
      return { kind: 'drop' };
    case 'RETURN':
      return { kind: 'return' };
    case 'REJECT':
      return args.includes('--reject-with')
        ? { kind: 'reject', with: after('--reject-with') }
        : { kind: 'reject' };
    case 'MASQUERADE':
      if (args.length === 0) return { kind: 'masquerade' };
      if (args.join() === '--random-fully') return { kind: 'masquerade', randomFully: true };
      return { kind: 'other', name, args };
    case 'DNAT':
      if (args[0] !== '--to-destination' || args.length !== 2) return { kind: 'other', name, args };
      return { kind: 'dnat', to: after('--to-destination') };
    case 'REDIRECT':
      if (args[0] !== '--to-ports' || args.length !== 2 || !/^\d+$/.test(args[1] ?? '')) {
        return { kind: 'other', name, args };
      }
      return { kind: 'redirect', port: Number(args[1]) };
    case 'MARK':
      return parseSetMark(args);
    default:
      return args.length === 0 ? { kind: 'jump', chain: name } : { kind: 'other', name, args };
  }
}

function parseSetMark(args: string[]): Target {
  const [option = '', text = ''] = args;
  const [value = 0, mask = 0xffff_ffff] = text.split('/').map(Number);
  switch (option) {
    case '--set-xmark':
      return { kind: 'set-mark', value, mask };
    case '--or-mark':
      return { kind: 'set-mark', value, mask: value };
    case '--xor-mark':
      return { kind: 'set-mark', value, mask: 0 };
    default:
      return { kind: 'other', name: 'MARK', args };
  }
}
