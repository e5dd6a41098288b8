import { givenSeed } from '@nodeagent/testbed/chance';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { splitWords } from '../../src/codec/words.js';
import { type Match, parseRule, renderRule, type Rule, type Target } from '../../src/index.js';
import { traceOutcomes } from '../../src/testing/index.js';
import { CORPUS } from '../rules/corpus.js';

const seed = givenSeed(14);

describe('every match and target of iptables', () => {
  it.each(CORPUS)('keeps its meaning: $text', ({ text }) => {
    const rule = parseRule(splitWords(text));
    const again = parseRule(splitWords(renderRule(rule)));
    expect(again).toEqual(rule);
  });

  it.each([
    ['! -p tcp', [{ kind: 'protocol', protocol: 'tcp', negated: true }]],
    ['-m connmark --mark 5', [{ kind: 'connection-mark', value: 5, mask: 0xffff_ffff }]],
    ['-f', [{ kind: 'fragment' }]],
    ['! -f', [{ kind: 'fragment', negated: true }]],
    [
      '-p tcp -m tcp --dport 80:90',
      [
        { kind: 'protocol', protocol: 'tcp' },
        { kind: 'destination-port', port: 80, lastPort: 90 },
      ],
    ],
    [
      '-p udp -m udp ! --sport 53',
      [
        { kind: 'protocol', protocol: 'udp' },
        { kind: 'source-port', port: 53, negated: true },
      ],
    ],
    [
      '-m recent --rcheck --hitcount 8 --name foo --rsource',
      [
        {
          kind: 'other',
          args: ['-m', 'recent', '--rcheck', '--hitcount', '8', '--name', 'foo', '--rsource'],
        },
      ],
    ],
    [
      '-m statistic --mode nth --every 3 --packet 0',
      [
        {
          kind: 'other',
          args: ['-m', 'statistic', '--mode', 'nth', '--every', '3', '--packet', '0'],
        },
      ],
    ],
    ['-m addrtype ! --src-type LOCAL', [{ kind: 'source-type', type: 'LOCAL', negated: true }]],
  ])('%s is read as the right match', (text, matches) => {
    expect(parseRule(splitWords(text))).toEqual({ matches });
  });

  it.each(['--dport 123456', '--dport 1234567890', '--sport 1:2:3', '--sport :'])(
    '%s is kept word by word, not cut to a port',
    (text) => {
      const { matches } = parseRule(splitWords(`-p tcp -m tcp ${text}`));
      expect(matches).toContainEqual({ kind: 'other', args: text.split(' ') });
    },
  );

  it('a text that looks like an option stays text', () => {
    const words = ['-m', 'comment', '--comment', '-j DROP', '-m', 'string', '--string', '-m'];
    const rule = parseRule([...words, '--algo', 'bm', '-j', 'LOG', '--log-prefix', '-s 1.2.3.4']);
    expect(rule).toEqual({
      matches: [
        { kind: 'comment', text: '-j DROP' },
        { kind: 'other', args: ['-m', 'string', '--string', '-m', '--algo', 'bm'] },
      ],
      target: { kind: 'other', name: 'LOG', args: ['--log-prefix', '-s 1.2.3.4'] },
    });
  });

  it('words behind the target are not lost', () => {
    expect(renderRule(parseRule(splitWords('-j ACCEPT -s 10.0.0.1')))).toBe(
      '-s 10.0.0.1 -j ACCEPT',
    );
    expect(parseRule(splitWords('-j ACCEPT --odd')).target).toEqual({
      kind: 'other',
      name: 'ACCEPT',
      args: ['--odd'],
    });
    expect(() => parseRule(splitWords('-j ACCEPT -j DROP'))).toThrow('cannot read "-j DROP" here');
  });
});

it('the tracer drops port 85 where 80:90 is dropped', () => {
  const rule = parseRule(splitWords('-p tcp -m tcp --dport 80:90 -j DROP'));
  const tables = [{ name: 'filter', chains: [{ name: 'FORWARD', rules: [rule] }] }] as const;
  const to = (destinationPort: number) =>
    traceOutcomes(
      tables,
      {
        from: 'network',
        protocol: 'tcp',
        source: '192.0.2.1',
        destination: '198.51.100.1',
        destinationPort,
      },
      { addresses: [] },
    )[0]?.verdict;
  expect([79, 80, 85, 90, 91].map(to)).toEqual([
    'accepted',
    'dropped',
    'dropped',
    'dropped',
    'accepted',
  ]);
});

const mark = fc.record({ value: fc.nat(0xffff_ffff), mask: fc.nat(0xffff_ffff) });
const negated = fc.constantFrom({}, { negated: true });
const network = fc.oneof(
  fc.ipV4(),
  fc.tuple(fc.ipV4(), fc.nat(31)).map(([ip, bits]) => `${ip}/${bits}`),
  fc.constantFrom('fd00::1', '2001:db8::/32'),
);
const name = fc.stringMatching(/^[a-z][a-z\d.-]{0,10}\+?$/);
const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  .filter((each) => !/\p{Cc}/u.test(each));
const withNot = <T extends object>(arbitrary: fc.Arbitrary<T>) =>
  fc.tuple(arbitrary, negated).map(([one, not]) => ({ ...one, ...not }));

/** Matches that a rule has at most one of, in the model's order. */
const match = fc.oneof(
  withNot(fc.record({ kind: fc.constantFrom('source', 'destination'), network })),
  withNot(fc.record({ kind: fc.constantFrom('in-interface', 'out-interface'), name })),
  withNot(
    fc.tuple(fc.constantFrom('mark', 'connection-mark'), mark).map(([kind, m]) => ({ kind, ...m })),
  ),
  fc.record({ kind: fc.constant('comment'), text }),
  withNot(
    fc.record({
      kind: fc.constantFrom('source-type', 'destination-type'),
      type: fc.constantFrom('LOCAL', 'UNICAST'),
    }),
  ),
  withNot(
    fc.record({
      kind: fc.constant('connection-state'),
      states: fc.uniqueArray(fc.constantFrom('NEW', 'RELATED', 'DNAT', 'UNTRACKED'), {
        minLength: 1,
      }),
    }),
  ),
  fc.record({ kind: fc.constant('remember-source'), list: name }),
  fc.record({
    kind: fc.constant('source-remembered'),
    list: name,
    withinSeconds: fc.integer({ min: 1, max: 100_000 }),
  }),
  fc.record({ kind: fc.constant('count'), counter: name }),
  fc.nat(1000).map((n) => ({ kind: 'chance', probability: n / 1000 })),
  fc.constant({ kind: 'fragment' }),
  fc.tuple(name, text).map(([module, value]) => ({
    kind: 'other',
    args: ['-m', `x${module}`, '--log-prefix', value],
  })),
) as fc.Arbitrary<Match>;

const header = fc
  .record({
    protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
    from: fc.nat(65_535),
    more: fc.nat(1000),
    isRange: fc.boolean(),
    not: negated,
  })
  .map(({ protocol, from, more, isRange, not }): Match[] => {
    const lastPort = Math.min(65_535, from + more);
    const range = isRange && lastPort > from ? { lastPort } : {};
    return [
      { kind: 'protocol', protocol },
      { kind: 'destination-port', port: from, ...range, ...not },
    ];
  });

const target = fc.option(
  fc.oneof(
    fc.constantFrom<Target>({ kind: 'accept' }, { kind: 'drop' }, { kind: 'return' }),
    fc.constantFrom<Target>({ kind: 'reject', with: 'tcp-reset' }, { kind: 'masquerade' }),
    fc
      .tuple(fc.ipV4(), fc.nat(65_535))
      .map(([ip, port]): Target => ({ kind: 'dnat', to: `${ip}:${port}` })),
    mark.map((m): Target => ({ kind: 'set-mark', ...m })),
    text.map((value): Target => ({ kind: 'other', name: 'LOG', args: ['--log-prefix', value] })),
  ),
  { nil: undefined },
);

const rule = fc
  .record({ matches: fc.array(match, { maxLength: 5 }), header: fc.option(header), target })
  .map(({ matches, header: own, target: to }): Rule => {
    const all = [...matches, ...(own ?? [])];
    return to === undefined ? { matches: all } : { matches: all, target: to };
  });

it(`every rule that can be built is read back unchanged (NODEAGENT_SEED=${seed})`, () => {
  const property = fc.property(rule, (built) => {
    expect(parseRule(splitWords(renderRule(built)))).toEqual(built);
  });
  fc.assert(property, { seed, numRuns: 5000 });
});
