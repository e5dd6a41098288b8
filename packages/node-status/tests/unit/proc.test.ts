import { describe, expect, it } from 'vitest';

import {
  countCpuList,
  localAddressesKey,
  parseDefaultRoute4,
  parseDefaultRoute6,
  parsePrettyName,
} from '../../src/codec/proc.js';

describe(countCpuList, () => {
  it.each([
    ['0\n', 1],
    ['0-7', 8],
    ['0-3,8,10-11', 7],
    ['', undefined],
    ['all', undefined],
  ])('%j names %s', (text, want) => {
    expect(countCpuList(text)).toBe(want);
  });
});

describe(parsePrettyName, () => {
  it.each([
    ['A=1\nPRETTY_NAME="Debian 12"\n', 'Debian 12'],
    ["PRETTY_NAME='Alpine'", 'Alpine'],
    ['PRETTY_NAME=Plain', 'Plain'],
    ['NAME=x', undefined],
  ])('%j', (text, want) => {
    expect(parsePrettyName(text)).toBe(want);
  });
});

describe('default route', () => {
  const head = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n';
  const route4 = (iface: string, net: string, flags: string, metric: number): string =>
    `${iface}\t${net}\t01000A0A\t${flags}\t0\t0\t${metric}\t00000000\t0\t0\t0\n`;

  it.each([
    ['none', '', undefined],
    ['one', route4('eth0', '00000000', '0003', 0), 'eth0'],
    [
      'the lowest metric',
      route4('wlan0', '00000000', '0003', 600) + route4('eth0', '00000000', '0003', 100),
      'eth0',
    ],
    ['down', route4('eth0', '00000000', '0002', 0), undefined],
    ['other networks', route4('eth0', '0000000A', '0003', 0), undefined],
  ])('IPv4: %s', (_, text, want) => {
    expect(parseDefaultRoute4(head + text)).toBe(want);
  });

  const zero = '0'.repeat(32);
  const route6 = (iface: string, prefix: string, flags: string): string =>
    `${zero} ${prefix} ${zero} 00 fd000000000000000000000000000001 00000400 00000001 00000000 ${flags} ${iface}\n`;

  it.each([
    ['unreachable', route6('lo', '00', '00200200'), undefined],
    ['one', route6('lo', '00', '00200200') + route6('eth0', '00', '00000003'), 'eth0'],
    ['other networks', route6('eth0', '40', '00000003'), undefined],
  ])('IPv6: %s', (_, text, want) => {
    expect(parseDefaultRoute6(text)).toBe(want);
  });
});

describe(localAddressesKey, () => {
  const trie = (...addresses: readonly string[]): string =>
    ['Main:', '  +-- 0.0.0.0/0 3 0 5', '     |-- 10.0.0.0', '        /24 link UNICAST']
      .concat(addresses.flatMap((ip) => [`           |-- ${ip}`, '              /32 host LOCAL']))
      .join('\n');
  const inet6 = (address: string, scope: string, iface: string): string =>
    `${address} 04 40 ${scope} 80     ${iface}\n`;
  const own = inet6('fd000000000000000000000000000002', '00', 'eth0');

  it.each([
    ['nothing', '', '', ''],
    ['IPv4, each once', trie('10.0.0.5', '10.0.0.5'), '', '10.0.0.5'],
    ['both', trie('10.0.0.5'), own, '10.0.0.5 fd000000000000000000000000000002%eth0'],
    ['links are left out', '', inet6('fe800000000000000000000000000001', '20', 'veth1'), ''],
  ])('%s', (_, ipv4, ipv6, want) => {
    expect(localAddressesKey(ipv4, ipv6)).toBe(want);
  });
});
