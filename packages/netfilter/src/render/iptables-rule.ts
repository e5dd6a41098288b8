import { splitWords } from '../codec/words.js';
import { HEADER_PROTOCOLS, type Match, type Rule, type Target } from '../model/iptables.js';
import { checkedChainName } from '../plan/check-name.js';
import { checkMatch, checkTarget } from '../plan/check-rule.js';

/** iptables takes `tcp`, `-p`, `10.0.0.0/8` … as they are; other words need quotes. */
const PLAIN = /^[\w!./:,+[\]@%=-]+$/;

/**
 * Renders one line of iptables-restore input, without the newline: `-A CHAIN -s 10.0.0.1 -j DROP`.
 *
 * @throws {NetfilterError} `NETFILTER_NAME` for a chain, `NETFILTER_VALUE` with the field's name
 * for any other value that iptables could not take or would read as something else
 * @example
 * ```ts
 * import { renderAppend, type Rule } from '@nodeagent/netfilter';
 *
 * const rule: Rule = {
 *   matches: [{ kind: 'in-interface', name: 'lo' }],
 *   target: { kind: 'accept' },
 * };
 * console.log(renderAppend('INPUT', rule)); // -A INPUT -i lo -j ACCEPT
 * ```
 */
export function renderAppend(chain: string, rule: Rule): string {
  const text = renderRule(rule);
  return text === '' ? `-A ${checkedChainName(chain)}` : `-A ${checkedChainName(chain)} ${text}`;
}

/**
 * Renders the part of {@link renderAppend} after the chain.
 *
 * @throws {NetfilterError} as there
 */
export function renderRule({ matches, target }: Rule): string {
  let text = '';
  for (const match of matches) {
    checkMatch(match);
    text += text === '' ? renderMatch(match) : ` ${renderMatch(match)}`;
  }
  if (target === undefined) return text;
  checkTarget(target);
  return text === '' ? renderTarget(target) : `${text} ${renderTarget(target)}`;
}

/**
 * Renders the same rule as words for the command line, where no shell removes quotes.
 *
 * @throws {NetfilterError} as {@link renderAppend}
 */
export function ruleArguments(rule: Rule): readonly string[] {
  return splitWords(renderRule(rule));
}

/** Renders a mark in the form that users of the tools write: eight hex digits. */
export function renderMark(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}

function quoted(word: string): string {
  return PLAIN.test(word) ? word : `"${word.replaceAll(/[\\"]/g, '\\$&')}"`;
}

function not(match: Readonly<{ negated?: boolean }>): string {
  return match.negated === true ? '! ' : '';
}

function renderMatch(match: Match): string {
  switch (match.kind) {
    case 'comment':
      return `-m comment --comment ${quoted(match.text)}`;
    case 'protocol':
      return renderProtocol(match);
    case 'header':
      return `-m ${match.protocol}`;
    case 'fragment':
      return `${not(match)}-f`;
    case 'source':
      return `${not(match)}-s ${match.network}`;
    case 'destination':
      return `${not(match)}-d ${match.network}`;
    case 'source-port':
      return `${not(match)}--sport ${portRange(match)}`;
    case 'destination-port':
      return `${not(match)}--dport ${portRange(match)}`;
    case 'in-interface':
      return `${not(match)}-i ${match.name}`;
    case 'out-interface':
      return `${not(match)}-o ${match.name}`;
    case 'mark':
      return `-m mark ${not(match)}--mark ${renderMark(match.value)}/${renderMark(match.mask)}`;
    case 'connection-mark':
      return `-m connmark ${not(match)}--mark ${renderMark(match.value)}/${renderMark(match.mask)}`;
    case 'connection-state':
      return `-m conntrack ${not(match)}--ctstate ${match.states.join(',')}`;
    case 'source-type':
      return `-m addrtype ${not(match)}--src-type ${match.type}`;
    case 'destination-type':
      return `-m addrtype ${not(match)}--dst-type ${match.type}`;
    case 'chance':
      return `-m statistic --mode random --probability ${match.probability.toFixed(10)}`;
    case 'remember-source':
      return `-m recent --name ${match.list} --set`;
    case 'source-remembered':
      return `-m recent --name ${match.list} --rcheck --seconds ${match.withinSeconds} --reap`;
    case 'count':
      return `-m nfacct --nfacct-name ${match.counter}`;
    case 'other':
      return match.args.map(quoted).join(' ');
  }
}

function renderProtocol(match: Extract<Match, { kind: 'protocol' }>): string {
  const { protocol, negated = false, bare = false } = match;
  if (negated) return `! -p ${protocol}`;
  return bare || !HEADER_PROTOCOLS.has(protocol)
    ? `-p ${protocol}`
    : `-m ${protocol} -p ${protocol}`;
}

function portRange({
  port,
  lastPort = port,
}: Readonly<{ port: number; lastPort?: number }>): string {
  return lastPort === port ? String(port) : `${port}:${lastPort}`;
}

function renderTarget(target: Target): string {
  switch (target.kind) {
    case 'jump':
      return `-j ${checkedChainName(target.chain)}`;
    case 'goto':
      return `-g ${checkedChainName(target.chain)}`;
    case 'accept':
      return '-j ACCEPT';
    case 'drop':
      return '-j DROP';
    case 'return':
      return '-j RETURN';
    case 'reject':
      return target.with === undefined ? '-j REJECT' : `-j REJECT --reject-with ${target.with}`;
    case 'masquerade':
      return target.randomFully === true ? '-j MASQUERADE --random-fully' : '-j MASQUERADE';
    case 'dnat':
      return `-j DNAT --to-destination ${target.to}`;
    case 'redirect':
      return `-j REDIRECT --to-ports ${target.port}`;
    case 'set-mark':
      return `-j MARK ${renderSetMark(target.value, target.mask)}`;
    case 'other':
      return ['-j', target.name, ...target.args.map(quoted)].join(' ');
  }
}

function renderSetMark(value: number, mask: number): string {
  if (mask === value) return `--or-mark ${renderMark(value)}`;
  if (mask === 0) return `--xor-mark ${renderMark(value)}`;
  return `--set-xmark ${renderMark(value)}/${renderMark(mask)}`;
}
