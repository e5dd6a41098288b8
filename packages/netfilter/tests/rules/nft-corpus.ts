import type {
  NftHook,
  NftOperation,
  NftRule,
  NftSet,
  NftStep,
  NftTableName,
} from '../../src/nftables.js';

/** Rules that tables of one kind take, and what must be there for them. */
export interface NftCorpus {
  readonly name: string;
  readonly table: NftTableName;
  readonly before: readonly NftOperation[];
  readonly rules: readonly NftRule[];
}

const rule = (...steps: readonly NftStep[]): NftRule => ({ steps });
const base = (type: NftHook['type'], hook: NftHook['hook'], priority: number): NftHook => ({
  type,
  hook,
  priority,
});
const accept = { kind: 'accept' } as const;
const drop = { kind: 'drop' } as const;

const NETWORKS: NftSet = { name: 'networks', key: ['ipv4_addr'], flags: ['interval'] };
const PAIRS: NftSet = { name: 'pairs', key: ['ipv4_addr', 'inet_service'], flags: ['interval'] };
const NAMES: NftSet = { name: 'names', key: ['ifname'], comment: 'interfaces' };
const WAYS: NftSet = { name: 'ways', key: ['inet_service'], data: 'verdict' };
const MARKS: NftSet = { name: 'marks', key: ['ipv4_addr'], data: ['mark'], flags: ['interval'] };
const SEEN: NftSet = {
  name: 'seen',
  key: ['ipv4_addr'],
  flags: ['dynamic', 'timeout'],
  timeoutMs: 60_000,
  size: 1000,
};
const TOTALS: NftSet = { name: 'totals', key: ['ipv4_addr'], data: { object: 'counter' } };

const FILTER: NftCorpus = {
  name: 'inet filter',
  table: { family: 'inet', name: 'corpus' },
  before: [
    { op: 'add-object', object: { type: 'counter', name: 'web', comment: 'all of the web' } },
    { op: 'add-object', object: { type: 'quota', name: 'month', bytes: 1_000_000, over: true } },
    {
      op: 'add-object',
      object: { type: 'limit', name: 'slow', rate: 10, per: 'minute', burst: 20 },
    },
    {
      op: 'add-object',
      object: { type: 'ct helper', name: 'ftp', helper: 'ftp', protocol: 'tcp', network: 'ip' },
    },
    { op: 'add-chain', chain: { name: 'target', comment: 'jumps end here' } },
    ...[NETWORKS, PAIRS, NAMES, WAYS, MARKS, SEEN, TOTALS].map(
      (set) => ({ op: 'add-set', set }) as const,
    ),
    {
      op: 'add-elements',
      set: NETWORKS,
      elements: [
        { key: ['10.0.0.0/8'] },
        { key: ['192.0.2.1'], comment: 'one' },
        { key: ['192.0.2.5-192.0.2.9'] },
        { key: ['255.0.0.0/8'] },
      ],
    },
    {
      op: 'add-elements',
      set: PAIRS,
      elements: [{ key: ['10.0.0.0/8', '22-80'] }, { key: ['192.0.2.1', 443] }],
    },
    { op: 'add-elements', set: NAMES, elements: [{ key: ['eth0'] }, { key: ['lo'] }] },
    {
      op: 'add-elements',
      set: WAYS,
      elements: [
        { key: [22], data: { kind: 'jump', chain: 'target' } },
        { key: [23], data: drop, comment: 'telnet' },
      ],
    },
    {
      op: 'add-elements',
      set: MARKS,
      elements: [
        { key: ['10.0.0.0/8'], data: [1] },
        { key: ['11.0.0.1'], data: [2] },
      ],
    },
    { op: 'add-elements', set: SEEN, elements: [{ key: ['192.0.2.77'], timeoutMs: 3_600_000 }] },
    { op: 'add-elements', set: TOTALS, elements: [{ key: ['192.0.2.1'], data: ['web'] }] },
    {
      op: 'add-chain',
      chain: { name: 'rules', base: { ...base('filter', 'input', 0), policy: 'drop' } },
    },
  ],
  rules: [
    rule({ kind: 'match', field: 'tcp dport', value: 22 }, accept),
    rule({ kind: 'match', field: 'tcp dport', op: '!=', value: 22 }, accept),
    rule({ kind: 'match', field: 'tcp dport', value: '1024-65535' }, drop),
    rule({ kind: 'match', field: 'udp sport', op: '!=', value: '10-20' }, drop),
    rule({ kind: 'match', field: 'udp dport', op: '>', value: 1023 }, drop),
    rule({ kind: 'match', field: 'tcp dport', anyOf: [22, 80, 443] }, accept),
    rule({ kind: 'match', field: 'tcp dport', op: '!=', anyOf: [22, '80-90', 443] }, accept),
    rule({ kind: 'match', field: 'th dport', value: 53 }, accept),
    rule(
      { kind: 'match', field: 'tcp sport', value: 1 },
      { kind: 'match', field: 'tcp dport', value: 2 },
      drop,
    ),
    rule({ kind: 'match', field: 'ip saddr', value: '10.0.0.0/8' }, drop),
    rule({ kind: 'match', field: 'ip saddr', value: '10.128.0.0/9' }, drop),
    rule({ kind: 'match', field: 'ip saddr', op: '!=', value: '10.0.0.1' }, drop),
    rule({ kind: 'match', field: 'ip daddr', value: '10.0.0.1-10.0.0.9' }, drop),
    rule({ kind: 'match', field: 'ip6 saddr', value: 'fd00::/8' }, drop),
    rule({ kind: 'match', field: 'ip6 daddr', value: '2001:db8::1' }, drop),
    rule({ kind: 'match', field: 'ip saddr', set: 'networks' }, accept),
    rule({ kind: 'match', field: 'ip saddr', op: '!=', set: 'networks' }, drop),
    rule({ kind: 'match', field: ['ip saddr', 'tcp dport'], set: 'pairs' }, accept),
    rule(
      {
        kind: 'match',
        field: ['ip saddr', 'tcp dport'],
        anyOf: [
          ['10.0.0.1', 80],
          ['10.0.0.2', 81],
        ],
      },
      accept,
    ),
    rule(
      {
        kind: 'match',
        field: ['ip saddr', 'udp dport'],
        anyOf: [
          ['10.0.0.0/24', '80-90'],
          ['10.0.1.2', 81],
        ],
      },
      accept,
    ),
    rule({ kind: 'match', field: 'ip protocol', value: 'gre' }, accept),
    rule({ kind: 'match', field: 'ip ttl', op: '<', value: 5 }, drop),
    rule({ kind: 'match', field: 'ip dscp', value: 'cs1' }, accept),
    rule({ kind: 'match', field: 'ip6 dscp', value: 'ef' }, accept),
    rule({ kind: 'match', field: 'ip frag-off', mask: 0x1fff, op: '!=', value: 0 }, drop),
    rule({ kind: 'match', field: 'icmp type', value: 'echo-request' }, accept),
    rule(
      { kind: 'match', field: 'icmpv6 type', anyOf: ['nd-neighbor-solicit', 'nd-router-advert'] },
      accept,
    ),
    rule({ kind: 'match', field: 'tcp flags', value: 'syn' }, accept),
    rule({ kind: 'match', field: 'tcp flags', mask: 'fin,syn,rst,ack', value: 'syn' }, accept),
    rule({ kind: 'match', field: 'tcp flags', op: '==', value: 'syn,ack' }, accept),
    rule({ kind: 'match', field: 'ct state', value: 'established,related' }, accept),
    rule({ kind: 'match', field: 'ct state', value: 'invalid' }, drop),
    rule({ kind: 'match', field: 'ct state', op: '!', value: 'new' }, accept),
    rule({ kind: 'match', field: 'ct status', value: 'dnat' }, accept),
    rule({ kind: 'match', field: 'ct direction', value: 'reply' }, accept),
    rule({ kind: 'match', field: 'ct mark', value: 7 }, accept),
    rule({ kind: 'match', field: 'ct original ip saddr', value: '10.0.0.1' }, accept),
    rule({ kind: 'match', field: 'ct original packets', op: '>', value: 5 }, accept),
    rule({ kind: 'match', field: 'meta mark', value: 0x10 }, accept),
    rule({ kind: 'match', field: 'meta mark', mask: 0xff, value: 5 }, accept),
    rule({ kind: 'match', field: 'meta mark', mask: 0x4000, op: '!=', value: 0 }, accept),
    rule({ kind: 'match', field: 'meta mark', value: '1-10' }, accept),
    rule({ kind: 'match', field: 'meta mark', op: '!=', value: '1-10' }, accept),
    rule({ kind: 'match', field: 'meta mark', anyOf: ['1-10', 20] }, accept),
    rule({ kind: 'match', field: 'meta length', op: '>=', value: 100 }, accept),
    rule(
      { kind: 'match', field: 'meta l4proto', anyOf: ['tcp', 'udp'] },
      { kind: 'match', field: 'th dport', value: 53 },
      accept,
    ),
    rule({ kind: 'match', field: 'meta nfproto', value: 'ipv6' }, accept),
    rule({ kind: 'match', field: 'meta skuid', value: 1000 }, accept),
    rule({ kind: 'match', field: 'meta pkttype', value: 'broadcast' }, drop),
    rule({ kind: 'match', field: 'meta protocol', value: 'ip6' }, drop),
    rule({ kind: 'match', field: 'meta cpu', value: 0 }, accept),
    rule({ kind: 'match', field: 'iifname', value: 'lo' }, accept),
    rule({ kind: 'match', field: 'iifname', value: 'pod*' }, accept),
    rule({ kind: 'match', field: 'oifname', op: '!=', value: 'eth0' }, accept),
    rule({ kind: 'match', field: 'iifname', anyOf: ['eth0', 'eth1'] }, accept),
    rule({ kind: 'match', field: 'iifname', set: 'names' }, accept),
    rule({ kind: 'match', field: 'iif', value: 1 }, accept),
    rule({ kind: 'match', field: 'iiftype', value: 'loopback' }, accept),
    rule({ kind: 'match', field: 'ether saddr', value: '00:11:22:33:44:55' }, drop),
    rule({ kind: 'match', field: 'ether type', value: 'arp' }, drop),
    rule({ kind: 'match', field: { fib: 'type', by: ['daddr'] }, value: 'local' }, accept),
    rule({ kind: 'match', field: { fib: 'exists', by: ['saddr', 'iif'] }, value: 'missing' }, drop),
    rule(
      { kind: 'match', field: { fib: 'type', by: ['daddr'] }, anyOf: ['local', 'broadcast'] },
      accept,
    ),
    rule({ kind: 'match', field: { random: 10 }, op: '<', value: 3 }, accept),
    rule({ kind: 'match', field: { random: 2 }, value: 0 }, accept),
    rule(
      { kind: 'match', field: { hash: ['ip saddr', 'tcp sport'], below: 2, seed: 5 }, value: 1 },
      accept,
    ),
    rule({ kind: 'match', field: { base: 'transport', offset: 16, bytes: 2 }, value: 99 }, accept),
    rule({ kind: 'match', field: 'rt classid', value: 5 }, accept),
    rule(
      { kind: 'match', field: 'meta l4proto', value: 'tcp' },
      { kind: 'match', field: 'socket transparent', value: 1 },
      accept,
    ),
    rule({ kind: 'verdict-map', key: ['tcp dport'], map: 'ways' }),
    rule({
      kind: 'verdict-map',
      key: ['tcp dport'],
      map: [
        { key: [22], data: accept },
        { key: ['80-90'], data: { kind: 'jump', chain: 'target' } },
      ],
    }),
    rule({
      kind: 'verdict-map',
      key: ['ct state'],
      map: [
        { key: ['established'], data: accept },
        { key: ['related'], data: accept },
        { key: ['invalid'], data: drop },
      ],
    }),
    rule({ kind: 'counter' }, accept),
    rule({ kind: 'counter', packets: 3, bytes: 200 }, { kind: 'jump', chain: 'target' }),
    rule({ kind: 'object', type: 'counter', name: 'web' }, accept),
    rule({ kind: 'object', type: 'quota', name: 'month' }, drop),
    rule({ kind: 'object', type: 'limit', name: 'slow' }, accept),
    rule(
      { kind: 'match', field: 'tcp dport', value: 21 },
      { kind: 'object', type: 'ct helper', name: 'ftp' },
    ),
    rule({ kind: 'limit', rate: 5, per: 'minute' }, accept),
    rule({ kind: 'limit', rate: 400, per: 'second', burst: 100 }, accept),
    rule(
      { kind: 'limit', rate: 1000, per: 'second', unit: 'bytes', burst: 5000, over: true },
      drop,
    ),
    rule({ kind: 'quota', bytes: 10_000, over: true }, drop),
    rule({ kind: 'connection-limit', count: 20, over: true }, drop),
    rule({ kind: 'log' }),
    rule(
      { kind: 'log', prefix: 'dropped: ', level: 'info', flags: ['skuid', 'tcp options'] },
      drop,
    ),
    rule({ kind: 'log', prefix: 'sample', group: 3, snaplen: 100, queueThreshold: 5 }),
    rule({ kind: 'reject' }),
    rule({ kind: 'reject', with: 'icmpx admin-prohibited' }),
    rule({ kind: 'reject', with: 'tcp reset' }),
    rule({ kind: 'reject', with: 'icmp host-unreachable' }),
    rule({ kind: 'reject', with: 'icmpv6 no-route' }),
    rule({ kind: 'set', field: 'meta mark', value: 5 }),
    rule({ kind: 'set', field: 'ct mark', from: 'meta mark' }),
    rule({ kind: 'set', field: 'meta mark', from: 'ct mark' }),
    rule({ kind: 'set', field: 'meta mark', from: 'ct mark', mask: 0xff, xor: 0x100 }),
    rule({ kind: 'set', field: 'meta mark', key: ['ip saddr'], map: 'marks' }),
    rule({
      kind: 'set',
      field: 'meta mark',
      key: ['tcp dport'],
      map: [
        { key: [22], data: [1] },
        { key: [23], data: [2] },
      ],
    }),
    rule({ kind: 'set', field: 'ip dscp', value: 'cs2' }),
    rule({ kind: 'set', field: 'ip ttl', value: 64 }),
    rule({ kind: 'set', field: 'tcp dport', value: 8080 }),
    rule({ kind: 'set', field: 'ip daddr', value: '10.0.0.9' }),
    rule({ kind: 'set', field: 'meta nftrace', value: 1 }),
    rule({ kind: 'update-set', op: 'add', set: 'seen', key: ['ip saddr'] }, accept),
    rule({ kind: 'update-set', op: 'update', set: 'seen', key: ['ip saddr'], timeoutMs: 5000 }),
    rule(
      {
        kind: 'update-set',
        op: 'add',
        set: 'seen',
        key: ['ip saddr'],
        each: [{ kind: 'limit', rate: 10, per: 'second', over: true }],
      },
      drop,
    ),
    rule({ kind: 'continue' }),
    { steps: [{ kind: 'return' }], comment: 'the end' },
    rule({ kind: 'goto', chain: 'target' }),
    // short steps in family inet
    rule(
      { kind: 'connection-new' },
      { kind: 'protocol', protocol: 'tcp' },
      { kind: 'match', field: 'tcp dport', value: 9 },
      accept,
    ),
    rule({ kind: 'chance', in: 3 }, drop),
  ],
};

const NAT: NftCorpus = {
  name: 'inet nat',
  table: { family: 'inet', name: 'corpus' },
  before: [{ op: 'add-chain', chain: { name: 'rules', base: base('nat', 'prerouting', -100) } }],
  rules: [
    rule({ kind: 'match', field: 'tcp dport', value: 1 }, { kind: 'dnat', address: '10.0.0.1' }),
    rule(
      { kind: 'match', field: 'tcp dport', value: 2 },
      { kind: 'dnat', address: '10.0.0.1', port: 80 },
    ),
    rule(
      { kind: 'match', field: 'tcp dport', value: 3 },
      {
        kind: 'dnat',
        address: '10.0.0.1-10.0.0.9',
        port: '80-90',
        flags: ['random', 'persistent'],
      },
    ),
    rule(
      { kind: 'match', field: 'tcp dport', value: 4 },
      { kind: 'dnat', address: 'fd00::1', port: 80 },
    ),
    rule({ kind: 'match', field: 'tcp dport', value: 5 }, { kind: 'redirect', ports: 8080 }),
    rule(
      { kind: 'match', field: 'tcp dport', value: 6 },
      { kind: 'redirect', ports: '80-90', flags: ['fully-random'] },
    ),
    rule({ kind: 'redirect' }),
  ],
};

const SOURCE_NAT: NftCorpus = {
  name: 'ip nat',
  table: { family: 'ip', name: 'corpus' },
  before: [
    {
      op: 'add-chain',
      chain: { name: 'rules', base: base('nat', 'postrouting', 100) },
    },
    { op: 'add-set', set: { name: 'to', key: ['ipv4_addr'], data: ['ipv4_addr'] } },
  ],
  rules: [
    rule({ kind: 'snat', address: '192.0.2.1' }),
    rule({ kind: 'snat', address: '192.0.2.1-192.0.2.4', flags: ['persistent'] }),
    rule(
      { kind: 'protocol', protocol: 'tcp' },
      { kind: 'snat', address: '192.0.2.1', ports: '1024-2047' },
    ),
    rule({ kind: 'snat-map', key: ['ip saddr'], map: 'to', only: 'address' }),
    rule({
      kind: 'snat-map',
      key: ['ip saddr'],
      map: [{ key: ['10.0.0.1'], data: ['192.0.2.7'] }],
    }),
    rule({ kind: 'masquerade' }),
    rule({ kind: 'masquerade', flags: [] }),
    rule({ kind: 'masquerade', flags: ['random', 'persistent'] }),
    rule(
      { kind: 'match', field: 'udp dport', value: 5 },
      { kind: 'masquerade', ports: '1000-2000', flags: [] },
    ),
    rule(
      { kind: 'match', field: 'ip saddr', value: '10.0.0.0/8' },
      { kind: 'match', field: 'icmp type', value: 8 },
      accept,
    ),
  ],
};

const RAW: NftCorpus = {
  name: 'ip6 raw',
  table: { family: 'ip6', name: 'corpus' },
  before: [{ op: 'add-chain', chain: { name: 'rules', base: base('filter', 'prerouting', -300) } }],
  rules: [
    rule({ kind: 'notrack' }),
    rule(
      { kind: 'match', field: 'ip6 nexthdr', value: 'udp' },
      { kind: 'match', field: 'udp dport', value: 9 },
      drop,
    ),
    rule({ kind: 'match', field: 'ip6 hoplimit', value: 1 }, drop),
    rule({ kind: 'source', network: 'fd00::/9' }, accept),
    rule(
      { kind: 'match', field: 'ip6 saddr', anyOf: ['fd00::/16', '2001:db8::1-2001:db8::9'] },
      accept,
    ),
  ],
};

const ROUTE: NftCorpus = {
  name: 'ip route',
  table: { family: 'ip', name: 'corpus' },
  before: [{ op: 'add-chain', chain: { name: 'rules', base: base('route', 'output', -150) } }],
  rules: [
    rule({ kind: 'set', field: 'meta mark', value: 1 }),
    rule({ kind: 'match', field: 'oifname', value: 'lo' }, accept),
  ],
};

const ARP: NftCorpus = {
  name: 'arp',
  table: { family: 'arp', name: 'corpus' },
  before: [{ op: 'add-chain', chain: { name: 'rules', base: base('filter', 'input', 0) } }],
  rules: [
    rule(
      { kind: 'match', field: 'arp operation', value: 'request' },
      { kind: 'match', field: 'arp saddr ip', value: '192.0.2.1' },
      drop,
    ),
    rule({ kind: 'match', field: 'arp htype', value: 1 }, accept),
  ],
};

const BRIDGE: NftCorpus = {
  name: 'bridge',
  table: { family: 'bridge', name: 'corpus' },
  before: [{ op: 'add-chain', chain: { name: 'rules', base: base('filter', 'forward', -200) } }],
  rules: [
    rule({ kind: 'match', field: 'ip saddr', value: '10.0.0.1' }, drop),
    rule({ kind: 'match', field: 'tcp dport', value: 80 }, drop),
    rule({ kind: 'match', field: 'ether saddr', value: '00:11:22:33:44:55' }, drop),
    rule({ kind: 'match', field: 'ether type', value: 'ip6' }, accept),
  ],
};

const NETDEV: NftCorpus = {
  name: 'netdev',
  table: { family: 'netdev', name: 'corpus' },
  before: [
    {
      op: 'add-chain',
      chain: { name: 'rules', base: { ...base('filter', 'ingress', -500), devices: ['lo'] } },
    },
  ],
  rules: [
    rule({ kind: 'match', field: 'ip saddr', value: '10.0.0.1' }, drop),
    rule({ kind: 'match', field: 'udp dport', value: 80 }, drop),
  ],
};

export const NFT_CORPUS: readonly NftCorpus[] = [
  FILTER,
  NAT,
  SOURCE_NAT,
  RAW,
  ROUTE,
  ARP,
  BRIDGE,
  NETDEV,
];

/** The operations that make a corpus's table. */
export function corpusOperations({ before, rules }: NftCorpus): readonly NftOperation[] {
  return [
    { op: 'add-table', comment: 'a corpus' },
    ...before,
    ...rules.map((one) => ({ op: 'add-rule', chain: 'rules', rule: one }) as const),
  ];
}
