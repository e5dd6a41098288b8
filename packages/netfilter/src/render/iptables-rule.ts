import type { Match, Rule, Target } from '../model/iptables.js';

/** iptables takes `tcp`, `-p`, `10.0.0.0/8` … as they are; anything else goes between quotes. */
const PLAIN = /^[\w!./:,+[\]@%=-]+$/;

/** One line of iptables-restore input, without the newline: `-A CHAIN -s 10.0.0.1 -j DROP`. */
export function renderAppend(chain: string, rule: Rule): string {
  let line = `-A ${chain}`;
  for (const match of rule.matches) line += ` ${renderMatch(match)}`;
  return rule.target === undefined ? line : `${line} ${renderTarget(rule.target)}`;
}

/** The same rule as words for the command line, where no shell takes quotes away. */
export function ruleArguments(rule: Rule): readonly string[] {
  const words: string[] = [];
  for (const match of rule.matches) {
    if (match.kind === 'comment') words.push('-m', 'comment', '--comment', match.text);
    else if (match.kind === 'other') words.push(...match.args);
    else words.push(...renderMatch(match).split(' '));
  }
  if (rule.target?.kind === 'other') words.push('-j', rule.target.name, ...rule.target.args);
  else if (rule.target !== undefined) words.push(...renderTarget(rule.target).split(' '));
  return words;
}

/** A mark as the tools' users write it: eight hex digits. */
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
      return `-m ${match.protocol} -p ${match.protocol}`;
    case 'source':
      return `${not(match)}-s ${match.network}`;
    case 'destination':
      return `${not(match)}-d ${match.network}`;
    case 'source-port':
      return `--sport ${match.port}`;
    case 'destination-port':
      return `--dport ${match.port}`;
    case 'in-interface':
      return `${not(match)}-i ${match.name}`;
    case 'out-interface':
      return `${not(match)}-o ${match.name}`;
    case 'mark':
      return `-m mark ${not(match)}--mark ${renderMark(match.value)}/${renderMark(match.mask)}`;
    case 'connection-state':
      return `-m conntrack ${not(match)}--ctstate ${match.states.join(',')}`;
    case 'source-type':
      return `-m addrtype --src-type ${match.type}`;
    case 'destination-type':
      return `-m addrtype --dst-type ${match.type}`;
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

function renderTarget(target: Target): string {
  switch (target.kind) {
    case 'jump':
      return `-j ${target.chain}`;
    case 'goto':
      return `-g ${target.chain}`;
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
