/** One option of a rule with its values, in the order of the words. */
export type RuleItem =
  /** `-s`, `-p` …: options about the packet itself, which need no extension. */
  | Readonly<{ kind: 'general'; option: GeneralOption; value: string; negated: boolean }>
  | Readonly<{ kind: 'load'; module: string }>
  /** An option of an extension; `words` starts with the option's name, or with a `!` before it. */
  | Readonly<{ kind: 'option'; name: string; values: readonly string[]; negated: boolean }>
  | Readonly<{ kind: 'target'; isGoto: boolean; name: string; args: readonly string[] }>;

export type GeneralOption = '-s' | '-d' | '-i' | '-o' | '-p' | '-f';

/** Without `--proto`, which is also an option of `-m policy`. */
const GENERAL: Readonly<Record<string, GeneralOption>> = {
  '-s': '-s',
  '--src': '-s',
  '--source': '-s',
  '-d': '-d',
  '--dst': '-d',
  '--destination': '-d',
  '-i': '-i',
  '--in-interface': '-i',
  '-o': '-o',
  '--out-interface': '-o',
  '-p': '-p',
  '--protocol': '-p',
  '-f': '-f',
  '--fragment': '-f',
};
const LOAD = new Set(['-m', '--match']);
const JUMP = new Set(['-j', '--jump', '-g', '--goto']);

/** Options whose value is free text, which may look like an option itself. */
const FREE_TEXT = new Set([
  '--comment',
  '--string',
  '--hex-string',
  '--name',
  '--log-prefix',
  '--nflog-prefix',
  '--ulog-prefix',
  '--hashlimit-name',
  '--nfacct-name',
  '--helper',
  '--timeout',
  '--label',
  '--bytecode',
  '--u32',
  '--genre',
  '--selctx',
  '--path',
]);

/** Reads words in order; every word goes into exactly one item. */
export function* splitItems(words: readonly string[]): Generator<RuleItem, void, undefined> {
  let next = 0;
  const take = (): string => words[next++] ?? '';
  const values = (option: string): string[] => {
    const from = next;
    if (FREE_TEXT.has(option) && next < words.length) next += 1;
    while (next < words.length && !beginsItem(words, next)) next += 1;
    return words.slice(from, next);
  };
  while (next < words.length) {
    const negated = words[next] === '!' && next + 1 < words.length;
    if (negated) next += 1;
    const word = take();
    const general = Object.hasOwn(GENERAL, word) ? GENERAL[word] : undefined;
    if (general !== undefined) {
      const value = general === '-f' ? '' : take();
      yield { kind: 'general', option: general, value, negated };
    } else if (LOAD.has(word) && !negated) yield { kind: 'load', module: take() };
    else if (JUMP.has(word) && !negated) {
      const name = take();
      const isGoto = word === '-g' || word === '--goto';
      yield { kind: 'target', isGoto, name, args: [...targetArguments(values)] };
    } else yield { kind: 'option', name: word, values: values(word), negated };
  }

  /** A target's options extend to the next general option. */
  function* targetArguments(rest: (option: string) => string[]): Generator<string> {
    yield* rest('');
    while (next < words.length && /^--/.test(words[next] ?? '') && !isGeneral(words[next] ?? '')) {
      const option = take();
      yield option;
      yield* rest(option);
    }
  }
}

function isGeneral(word: string): boolean {
  return Object.hasOwn(GENERAL, word) || LOAD.has(word) || JUMP.has(word);
}

function beginsItem(words: readonly string[], at: number): boolean {
  const word = words[at] ?? '';
  if (word === '!') return (words[at + 1] ?? '').startsWith('-');
  return isGeneral(word) || /^--[a-z]/.test(word);
}

/** Returns the words that an item was read from. */
export function optionWords({
  name,
  values,
  negated,
}: Extract<RuleItem, { kind: 'option' }>): string[] {
  return [...(negated ? ['!'] : []), name, ...values];
}
