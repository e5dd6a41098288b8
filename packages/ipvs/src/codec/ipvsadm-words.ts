import { invalid } from '../model/errors.js';

/** Argument by long option name; undefined for an option without an argument. */
export type Options = ReadonlyMap<string, string | undefined>;

interface Option {
  readonly short?: string;
  readonly argument: 'none' | 'one' | 'maybe';
}

/** @see ipvsadm(8) */
const OPTIONS: Readonly<Record<string, Option>> = {
  'tcp-service': { short: 't', argument: 'one' },
  'udp-service': { short: 'u', argument: 'one' },
  'sctp-service': { argument: 'one' },
  'fwmark-service': { short: 'f', argument: 'one' },
  ipv6: { short: '6', argument: 'none' },
  scheduler: { short: 's', argument: 'one' },
  persistent: { short: 'p', argument: 'maybe' },
  netmask: { short: 'M', argument: 'one' },
  pe: { argument: 'one' },
  ops: { short: 'o', argument: 'none' },
  'sched-flags': { short: 'b', argument: 'one' },
  'real-server': { short: 'r', argument: 'one' },
  gatewaying: { short: 'g', argument: 'none' },
  ipip: { short: 'i', argument: 'none' },
  masquerading: { short: 'm', argument: 'none' },
  'tun-type': { argument: 'one' },
  'tun-port': { argument: 'one' },
  'tun-nocsum': { argument: 'none' },
  'tun-csum': { argument: 'none' },
  'tun-remcsum': { argument: 'none' },
  weight: { short: 'w', argument: 'one' },
  'u-threshold': { short: 'x', argument: 'one' },
  'l-threshold': { short: 'y', argument: 'one' },
};

const BY_WORD: ReadonlyMap<string, string> = new Map(
  Object.entries(OPTIONS).flatMap(([name, { short }]) => [
    [`--${name}`, name] as [string, string],
    ...(short === undefined ? [] : [[`-${short}`, name] as [string, string]]),
  ]),
);

/** @throws {IpvsError} `IPVS_INVALID` for an unknown option, or one without its argument */
export function readOptions(words: readonly string[]): Options {
  const options = new Map<string, string | undefined>();
  const queue = words.flatMap((word) => {
    const [, name, text] = /^(--[\w-]+)=(.*)$/.exec(word) ?? [];
    return name === undefined || text === undefined ? [word] : [name, text];
  });
  while (queue.length > 0) {
    const word = queue.shift() ?? '';
    const name = BY_WORD.get(word);
    const argument = name === undefined ? undefined : OPTIONS[name]?.argument;
    if (name === undefined) throw invalid('Option', word, 'ipvsadm has no option of this name');
    const next = queue[0];
    const given = next !== undefined && !BY_WORD.has(next);
    if (argument === 'one' && !given) throw invalid('Option', word, 'needs an argument');
    options.set(name, argument !== 'none' && given ? queue.shift() : undefined);
  }
  return options;
}

export function value(options: Options, name: string): string | undefined {
  return options.get(name);
}
