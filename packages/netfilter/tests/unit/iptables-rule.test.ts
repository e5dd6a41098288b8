import { describe, expect, it } from 'vitest';

import {
  parseRule,
  parseSaveLines,
  renderAppend,
  type Rule,
  ruleArguments,
} from '../../src/index.js';

interface Case {
  readonly name: string;
  readonly rule: Rule;
  readonly line: string;
  /** Output of iptables-save 1.8.9 for the rule, without `-A CHAIN`. */
  readonly saved: string;
}

const cases: readonly Case[] = [
  {
    name: 'a service address without endpoints',
    rule: {
      matches: [
        { kind: 'comment', text: 'ns6/svc6:p80 has no endpoints' },
        { kind: 'protocol', protocol: 'tcp' },
        { kind: 'destination', network: '10.96.0.46' },
        { kind: 'destination-port', port: 80 },
      ],
      target: { kind: 'reject' },
    },
    line: '-A C -m comment --comment "ns6/svc6:p80 has no endpoints" -m tcp -p tcp -d 10.96.0.46 --dport 80 -j REJECT',
    saved:
      '-d 10.96.0.46/32 -p tcp -m comment --comment "ns6/svc6:p80 has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable',
  },
  {
    name: 'negations and quotes',
    rule: {
      matches: [
        { kind: 'comment', text: 'a "b" c' },
        { kind: 'source', network: '10.96.0.0/16', negated: true },
        { kind: 'in-interface', name: 'eth+' },
      ],
    },
    line: '-A C -m comment --comment "a \\"b\\" c" ! -s 10.96.0.0/16 -i eth+',
    saved: '! -s 10.96.0.0/16 -i eth+ -m comment --comment "a \\"b\\" c"',
  },
  {
    name: 'a mark that must not be there',
    rule: {
      matches: [{ kind: 'mark', value: 0x4000, mask: 0x4000, negated: true }],
      target: { kind: 'return' },
    },
    line: '-A C -m mark ! --mark 0x00004000/0x00004000 -j RETURN',
    saved: '-m mark ! --mark 0x4000/0x4000 -j RETURN',
  },
  {
    name: 'setting a mark bit',
    rule: { matches: [], target: { kind: 'set-mark', value: 0x4000, mask: 0x4000 } },
    line: '-A C -j MARK --or-mark 0x00004000',
    saved: '-j MARK --set-xmark 0x4000/0x4000',
  },
  {
    name: 'clearing a mark bit that is set',
    rule: { matches: [], target: { kind: 'set-mark', value: 0x4000, mask: 0 } },
    line: '-A C -j MARK --xor-mark 0x00004000',
    saved: '-j MARK --set-xmark 0x4000/0x0',
  },
  {
    name: 'remembering the source before destination NAT',
    rule: {
      matches: [
        { kind: 'remember-source', list: 'X' },
        { kind: 'protocol', protocol: 'udp' },
      ],
      target: { kind: 'dnat', to: '[fd00::1]:53' },
    },
    line: '-A C -m recent --name X --set -m udp -p udp -j DNAT --to-destination [fd00::1]:53',
    saved:
      '-p udp -m recent --set --name X --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource -m udp -j DNAT --to-destination [fd00::1]:53',
  },
  {
    name: 'sending a known source where it was before',
    rule: {
      matches: [{ kind: 'source-remembered', list: 'X', withinSeconds: 10_800 }],
      target: { kind: 'jump', chain: 'X' },
    },
    line: '-A C -m recent --name X --rcheck --seconds 10800 --reap -j X',
    saved:
      '-m recent --rcheck --seconds 10800 --reap --name X --mask 255.255.255.255 --rsource -j X',
  },
  {
    name: 'connection states',
    rule: {
      matches: [
        { kind: 'connection-state', states: ['RELATED', 'ESTABLISHED', 'DNAT'], negated: true },
      ],
      target: { kind: 'drop' },
    },
    line: '-A C -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
    saved: '-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
  },
  {
    name: 'local addresses, and goto',
    rule: {
      matches: [
        { kind: 'destination-type', type: 'LOCAL' },
        { kind: 'protocol', protocol: 'sctp' },
        { kind: 'destination-port', port: 80 },
      ],
      target: { kind: 'goto', chain: 'D' },
    },
    line: '-A C -m addrtype --dst-type LOCAL -m sctp -p sctp --dport 80 -g D',
    saved: '-p sctp -m addrtype --dst-type LOCAL -m sctp --dport 80 -g D',
  },
  {
    name: 'masquerading',
    rule: { matches: [], target: { kind: 'masquerade', randomFully: true } },
    line: '-A C -j MASQUERADE --random-fully',
    saved: '-j MASQUERADE --random-fully',
  },
];

/**
 * The save format writes the default answer of REJECT, groups matches its own way, and adds `/32`.
 */
function canonical(rule: Rule): Rule {
  const target = rule.target?.kind === 'reject' ? ({ kind: 'reject' } as const) : rule.target;
  const matches = rule.matches.toSorted((a, b) => (a.kind < b.kind ? -1 : 1));
  return target === undefined ? { matches } : { matches, target };
}

describe('rules', () => {
  it.each(cases)('writes $name', ({ rule, line }) => {
    expect(renderAppend('C', rule)).toBe(line);
  });

  it.each(cases)('reads back its own text: $name', ({ rule, line }) => {
    expect([...parseSaveLines(line)]).toEqual([{ kind: 'append', chain: 'C', rule }]);
  });

  it.each(cases)("reads the kernel's text: $name", ({ rule, saved }) => {
    const [line] = parseSaveLines(`-A C ${saved}`);
    expect(line?.kind === 'append' && canonical(line.rule)).toEqual(canonical(rule));
  });

  it('keeps blanks of comments inside one word on the command line', () => {
    const rule: Rule = {
      matches: [{ kind: 'comment', text: 'kubernetes postrouting rules' }],
      target: { kind: 'jump', chain: 'D' },
    };
    const words = ['-m', 'comment', '--comment', 'kubernetes postrouting rules', '-j', 'D'];
    expect(ruleArguments(rule)).toEqual(words);
  });

  it.each([
    '-m set --match-set blue src -j ACCEPT',
    '-p icmp -m icmp --icmp-type 8 -j ACCEPT',
    '-m limit --limit 5/sec ! -s 10.0.0.1 -j LOG --log-prefix x',
  ])('loses nothing of an unknown match or target: %s', (words) => {
    const text = renderAppend('C', parseRule(words.split(' ')));
    for (const word of words.split(' ')) expect(text.split(' ')).toContain(word);
  });

  it('names the line that it cannot read', () => {
    expect(() => [...parseSaveLines('*nat\nwhat is this\n')]).toThrow(
      'line 2: cannot read "what is this"',
    );
  });
});
