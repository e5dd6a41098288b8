import { describe, expect, test } from 'vitest';

import { parseConntrackList } from '../../src/codec/conntrack-list.js';
import { parseSave } from '../../src/codec/iptables-save.js';
import { parseNftElements, parseNftInventory } from '../../src/codec/nft-json.js';
import { isNetfilterError } from '../../src/index.js';
import { renderAppend } from '../../src/render/iptables-rule.js';

function thrown(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return error;
  }
}

describe('Output of network tools', () => {
  test.each(['sport=1.5', 'sport=65536', 'sport=x', 'sport=-1'])(
    'a flow with %s is left out',
    (port) => {
      const half = 'src=10.0.0.1 dst=10.0.0.2';
      const line = `udp 17 27 ${half} ${port} dport=53 ${half} sport=53 dport=40000 use=1`;
      expect(parseConntrackList(line)).toEqual([]);
      expect(parseConntrackList(line.replace(port, 'sport=40000'))).toHaveLength(1);
    },
  );

  test.each(['constructor', 'toString', '__proto__'])(
    'a line of iptables-save that begins with %s is refused',
    (command) => {
      const error = thrown(() => parseSave(`*nat\n${command} CHAIN -j ACCEPT\nCOMMIT\n`));
      expect(isNetfilterError(error)).toBe(true);
    },
  );

  test.each([
    ['null among the objects', [null]],
    ['a chain that is null', [{ chain: null }]],
    ['a set without a name', [{ set: {} }]],
    ['a chain whose name is a number', [{ chain: { name: 1 } }]],
  ])('a listing of nft with %s is refused', (_, nftables) => {
    const error = thrown(() => parseNftInventory(JSON.stringify({ nftables })));
    expect(isNetfilterError(error)).toBe(true);
  });

  test.each([
    ['elements that are an object', { name: 's', elem: {} }],
    ['an element nested 10,000 levels deep', { name: 's', elem: 'deep' }],
    ['an element that is null', { name: 's', elem: [null] }],
  ])('a set of nft with %s is refused', (_, set) => {
    const text = JSON.stringify({ nftables: [{ set }] });
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    const error = thrown(() =>
      parseNftElements(text.replace('"deep"', deep), { name: 's', key: ['address'] }),
    );
    expect(isNetfilterError(error)).toBe(true);
  });
});

test('a comment with a line end is refused: it would become another line of the input', () => {
  const match = { kind: 'comment', text: 'a\nCOMMIT\r\n-A b' } as const;
  expect(isNetfilterError(thrown(() => renderAppend('CHAIN', { matches: [match] })))).toBe(true);
});

test('a comment with line ends, as iptables-save prints it, is one rule', () => {
  const [table] = parseSave(
    `*filter\n:A - [0:0]\n-A A -m comment --comment "a\n-A B -j DROP\n\\"\n" -j ACCEPT\n-A A -i a"b\n-A A -j DROP\nCOMMIT\n`,
  );
  expect(table?.chains).toHaveLength(1);
  expect(table?.chains[0]?.rules).toHaveLength(3);
  expect(table?.chains[0]?.rules[0]).toEqual({
    matches: [{ kind: 'comment', text: 'a\n-A B -j DROP\n"\n' }],
    target: { kind: 'accept' },
  });
});
