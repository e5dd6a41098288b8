import { givenSeed } from '@nodeagent/testbed/chance';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodeDatum } from '../../src/codec/nft-datum.js';
import { NFT_FIELDS, type NftField, nftFieldRow } from '../../src/model/nft-fields.js';
import { nftTypeRow } from '../../src/model/nft-types.js';
import {
  encodeNftBatches,
  type NftFamily,
  type NftMatch,
  type NftOperation,
  nftRule,
  type NftStep,
  renderStep,
} from '../../src/nftables.js';
import { readRules } from '../rules/read-batch.js';

const seed = givenSeed(14);
const drop = { kind: 'drop' } as const;

/** Steps as callers without types write them. */
const REFUSED: readonly (readonly [string, unknown, string | RegExp])[] = [
  ['a misspelt kind', { kind: 'dorp' }, 'step "dorp": must be one of connection-new'],
  ['a misspelt match', { kind: 'mach', field: 'tcp dport', value: 22 }, 'step "mach"'],
  [
    'a misspelt property',
    { kind: 'match', field: 'tcp dport', vlaue: 22 },
    'match: property "vlaue": must be one of field, mask',
  ],
  [
    'a match of nothing',
    { kind: 'match', field: 'tcp dport' },
    'exactly one of value, anyOf and set',
  ],
  [
    'a match of two things',
    { kind: 'match', field: 'tcp dport', value: 1, set: 's' },
    'exactly one of',
  ],
  [
    'an unknown field',
    { kind: 'match', field: 'tcp dpotr', value: 22 },
    'field "tcp dpotr": must be one of tcp sport, tcp dport',
  ],
  [
    'an unknown operator',
    { kind: 'match', field: 'tcp dport', op: '=', value: 22 },
    'match op: "=" must be one of ==, !=',
  ],
  [
    'a port that is too large',
    { kind: 'match', field: 'tcp dport', value: 99_999 },
    'tcp dport: "99999" must be a number from 0 to 65535',
  ],
  [
    'a range that ends before it begins',
    { kind: 'match', field: 'tcp dport', value: '9-1' },
    'tcp dport: "9-1": the range must begin with its lower end',
  ],
  [
    'an address that is none',
    { kind: 'match', field: 'ip saddr', value: '10.0.0' },
    'ip saddr: "10.0.0" must be an IPv4 address',
  ],
  [
    'a prefix that is too long',
    { kind: 'match', field: 'ip saddr', value: '10.0.0.0/33' },
    'the prefix must be a number from 0 to 32',
  ],
  [
    'an unknown state',
    { kind: 'match', field: 'ct state', value: 'establshed' },
    /ct state: "establshed" must be .* one of invalid, established/,
  ],
  ['a rule in a value', { kind: 'match', field: 'iifname', value: 'lo" accept #' }, 'match value'],
  [
    'a line in a value',
    { kind: 'match', field: 'tcp dport', value: '1\nflush ruleset' },
    'match value',
  ],
  [
    'an unknown unit',
    { kind: 'limit', rate: 1, per: 'fortnight' },
    'limit per: "fortnight" must be one of second',
  ],
  [
    'a rate of nothing',
    { kind: 'limit', rate: 0, per: 'second' },
    'limit rate: 0 must be an integer from 1',
  ],
  ['a group with a level', { kind: 'log', group: 1, level: 'info' }, 'log: group excludes level'],
  ['a long prefix', { kind: 'log', prefix: 'x'.repeat(128) }, 'at most 127 bytes'],
  ['a quote in a prefix', { kind: 'log', prefix: 'a" drop' }, 'log prefix'],
  [
    'an unknown answer',
    { kind: 'reject', with: 'icmp nobody-home' },
    'reject with "icmp nobody-home": must be one of tcp reset',
  ],
  ['an unknown nat flag', { kind: 'snat', address: '10.0.0.1', flags: ['rnd'] }, 'snat flags'],
  ['no address and no ports', { kind: 'snat' }, 'snat: needs an address or ports'],
  [
    'an object of no type',
    { kind: 'object', type: 'countre', name: 'c' },
    'object type: "countre" must be one of counter',
  ],
  [
    'a field that cannot be there',
    { kind: 'match', field: 'ip6 saddr', value: 'fd00::1' },
    'ip6 saddr',
  ],
  [
    'a range of names',
    { kind: 'match', field: 'iifname', op: '<', value: 'eth0' },
    'names have no order',
  ],
];

describe('is refused, with what is allowed', () => {
  it.each(REFUSED)('%s', (_what, step, message) => {
    expect(() => encoded('ip', [step as NftStep, drop])).toThrow(message);
    expect(() => encoded('ip', [step as NftStep, drop])).toThrow(
      expect.objectContaining({ code: 'NETFILTER_VALUE' }),
    );
  });

  it('also as text, and when a rule is built', () => {
    for (const step of [{ kind: 'dorp' }, { kind: 'match', field: 'tcp dport', vlaue: 1 }]) {
      expect(() => renderStep(step as unknown as NftStep, 'ip')).toThrow('must be one of');
      expect(() => nftRule({ steps: [step as unknown as NftStep, drop] })).toThrow(
        'must be one of',
      );
    }
  });

  it.each([
    [
      'a hook that the family lacks',
      {
        op: 'add-chain',
        chain: {
          name: 'c',
          base: { type: 'filter', hook: 'ingress', priority: 0, devices: ['lo'] },
        },
      },
      'hook "ingress": must be one of prerouting',
    ],
    [
      'a policy that is none',
      {
        op: 'add-chain',
        chain: { name: 'c', base: { type: 'filter', hook: 'input', priority: 0, policy: 'deny' } },
      },
      'policy "deny": must be accept or drop',
    ],
    [
      'a type that is none',
      { op: 'add-set', set: { name: 's', key: ['ipv4'] } },
      'type "ipv4": must be one of address',
    ],
    [
      'an operation that is none',
      { op: 'add-chian', chain: { name: 'c' } },
      'operation "add-chian"',
    ],
  ])('%s', (_what, operation, message) => {
    const operations = [operation as unknown as NftOperation];
    expect(() => [
      ...encodeNftBatches(operations, { table: { family: 'ip', name: 't' }, maxBytes: 1e6 }),
    ]).toThrow(message);
  });
});

const FIELDS = Object.keys(NFT_FIELDS) as NftField[];

it(`every field is read back as it was written (NODEAGENT_SEED=${seed})`, () => {
  const property = fc.property(
    fc.constantFrom(...FIELDS),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    fc.constantFrom('==', '!=', '<', '>='),
    (field, random, op) => {
      const row = nftTypeRow(nftFieldRow(field)?.type ?? 'mark');
      const place = nftFieldRow(field)?.place;
      const bytes = Buffer.from(random.subarray(0, row.bytes));
      if (place?.from === 'payload' && place.mask !== undefined) {
        bytes[0] = (bytes[0] ?? 0) & (place.mask >>> (place.shift ?? 0));
      }
      const value = row.form === 'text' ? `if${bytes.readUInt16LE()}` : decodeDatum(row, bytes);
      const isOrdered = op === '<' || op === '>=';
      const usable = isOrdered && row.form === 'text' ? '!=' : op;
      const written: NftMatch = { kind: 'match', field, op: usable, value };
      const plain: NftMatch = { kind: 'match', field, value };
      const wanted = usable === '==' && row.isBits !== true ? plain : written;
      const family = field.startsWith('arp')
        ? 'arp'
        : field.startsWith('ether')
          ? 'bridge'
          : 'inet';
      expect(readRules({ family, name: 't' }, [{ steps: [written, drop] }])).toEqual([
        { steps: [wanted, drop] },
      ]);
    },
  );
  fc.assert(property, { seed, numRuns: 2000 });
});

function encoded(family: NftFamily, steps: readonly NftStep[]): void {
  const operations = [{ op: 'add-rule', chain: 'c', rule: { steps } }] as const;
  for (const { bytes } of encodeNftBatches(operations, {
    table: { family, name: 't' },
    maxBytes: 1e6,
  })) {
    expect(bytes.length).toBeGreaterThan(0);
  }
}
