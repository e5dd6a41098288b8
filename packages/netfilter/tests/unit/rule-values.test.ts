import { describe, expect, it } from 'vitest';

import { type Match, renderAppend, ruleArguments, type Target } from '../../src/index.js';

const withMatch = (match: Match) => () => renderAppend('C', { matches: [match] });
const withTarget = (target: Target) => () => renderAppend('C', { matches: [], target });

describe('a value that iptables would read as something else is refused', () => {
  const line = '\n-A INPUT -j ACCEPT';
  it.each<[field: string, match: Match]>([
    ['source.network', { kind: 'source', network: `10.0.0.1${line}` }],
    ['destination.network', { kind: 'destination', network: '10.0.0.1 -j ACCEPT' }],
    ['destination.network', { kind: 'destination', network: '10.0.0.0/33' }],
    ['source.network', { kind: 'source', network: 'localhost' }],
    ['in-interface.name', { kind: 'in-interface', name: `eth0${line}` }],
    ['out-interface.name', { kind: 'out-interface', name: 'eth0 -j ACCEPT' }],
    ['out-interface.name', { kind: 'out-interface', name: 'a-name-of-16-byte' }],
    ['in-interface.name', { kind: 'in-interface', name: '' }],
    ['comment.text', { kind: 'comment', text: `a${line}` }],
    ['comment.text', { kind: 'comment', text: 'é'.repeat(128) }],
    ['comment.text', { kind: 'comment', text: '' }],
    ['protocol.protocol', { kind: 'protocol', protocol: 'tcp -j ACCEPT' }],
    ['protocol.protocol', { kind: 'protocol', protocol: '256' }],
    ['destination-port.port', { kind: 'destination-port', port: 99_999 }],
    ['source-port.port', { kind: 'source-port', port: Number.NaN }],
    ['destination-port.lastPort', { kind: 'destination-port', port: 90, lastPort: 80 }],
    ['mark.value', { kind: 'mark', value: 2 ** 32, mask: 1 }],
    ['connection-mark.mask', { kind: 'connection-mark', value: 1, mask: -1 }],
    ['chance.probability', { kind: 'chance', probability: 2 }],
    ['chance.probability', { kind: 'chance', probability: Number.NaN }],
    ['remember-source.list', { kind: 'remember-source', list: `X${line}` }],
    [
      'source-remembered.withinSeconds',
      { kind: 'source-remembered', list: 'X', withinSeconds: 0.5 },
    ],
    ['count.counter', { kind: 'count', counter: 'a b' }],
    ['destination-type.type', { kind: 'destination-type', type: `LOCAL${line}` }],
    ['connection-state.states', { kind: 'connection-state', states: [] }],
    ['other.args', { kind: 'other', args: ['-m', `x${line}`] }],
    ['other.args', { kind: 'other', args: ['--string', ''] }],
    ['other.args', { kind: 'other', args: [] }],
  ])('%s of a match', (field, match) => {
    expect(withMatch(match)).toThrow(
      expect.objectContaining({
        code: 'NETFILTER_VALUE',
        message: expect.stringMatching(`^${field}: must be `) as string,
      }),
    );
    expect(() => ruleArguments({ matches: [match] })).toThrow(`${field}: must be `);
  });

  it.each<[field: string, target: Target]>([
    ['dnat.to', { kind: 'dnat', to: `10.0.0.1:80${line}` }],
    ['dnat.to', { kind: 'dnat', to: '10.0.0.1:99999' }],
    ['dnat.to', { kind: 'dnat', to: 'fd00::1:80' }],
    ['redirect.port', { kind: 'redirect', port: -1 }],
    ['reject.with', { kind: 'reject', with: `tcp-reset${line}` }],
    ['set-mark.mask', { kind: 'set-mark', value: 1, mask: 1.5 }],
    ['other.name', { kind: 'other', name: `LOG${line}`, args: [] }],
    ['other.args', { kind: 'other', name: 'LOG', args: ['--log-prefix', `x${line}`] }],
  ])('%s of a target', (field, target) => {
    expect(withTarget(target)).toThrow(`${field}: must be `);
  });

  it.each([
    () => renderAppend(`C${line}`, { matches: [] }),
    withTarget({ kind: 'jump', chain: `C${line}` }),
    withTarget({ kind: 'goto', chain: 'a b' }),
  ])('a chain name', (render) => {
    expect(render).toThrow(expect.objectContaining({ code: 'NETFILTER_NAME' }));
  });
});

describe('a protocol is written as iptables takes it', () => {
  it.each([
    ['tcp', '-m tcp -p tcp'],
    ['udp', '-m udp -p udp'],
    ['icmp', '-p icmp'],
    ['ipv6-icmp', '-p ipv6-icmp'],
    ['gre', '-p gre'],
    ['all', '-p all'],
    ['47', '-p 47'],
  ])('%s', (protocol, text) => {
    expect(withMatch({ kind: 'protocol', protocol })()).toBe(`-A C ${text}`);
  });

  it('negated, and without its own match', () => {
    expect(withMatch({ kind: 'protocol', protocol: 'tcp', negated: true })()).toBe('-A C ! -p tcp');
    expect(withMatch({ kind: 'protocol', protocol: 'tcp', bare: true })()).toBe('-A C -p tcp');
  });
});
