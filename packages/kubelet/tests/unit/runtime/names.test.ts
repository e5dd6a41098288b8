import { describe, expect, it } from 'vitest';

import { matchingEntries, secretEntries } from '../../../src/credentials/plan/keyring.js';
import { parseImageName } from '../../../src/images/plan/image-name.js';
import {
  loopbacksOf,
  parseResolvConf,
  podDns,
  resolvConfProblem,
} from '../../../src/runtime/plan/dns.js';
import { podHostname, sandboxHostname } from '../../../src/runtime/plan/hostname.js';
import { renderHostsFile } from '../../../src/runtime/plan/hosts-file.js';
import { aPod } from '../../../src/testing/builders.js';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe(parseImageName, () => {
  const good: readonly (readonly [string, string, string])[] = [
    ['busybox', 'busybox:latest', 'docker.io/library/busybox'],
    ['team/app:1', 'team/app:1', 'docker.io/team/app'],
    ['localhost/app', 'localhost/app:latest', 'localhost/app'],
    [
      'registry.example.com:5000/a/b:v1',
      'registry.example.com:5000/a/b:v1',
      'registry.example.com:5000/a/b',
    ],
    [`r.io/a@${DIGEST}`, `r.io/a@${DIGEST}`, 'r.io/a'],
    ['index.docker.io/library/x', 'index.docker.io/library/x:latest', 'docker.io/library/x'],
  ];
  it.each(good)('%s', (text, reference, repository) => {
    expect(parseImageName(text)).toEqual({ reference, repository });
  });

  const bad: readonly (readonly [string, string])[] = [
    ['', 'invalid reference format'],
    ['a b', 'invalid reference format'],
    ['App', 'repository name must be lowercase'],
    ['x:', 'invalid reference format'],
    ['a'.repeat(256), 'repository name must not be more than 255 characters'],
  ];
  it.each(bad)('refuses %j', (text, why) => {
    expect(parseImageName(text)).toBe(why);
  });
});

describe(matchingEntries, () => {
  const auth = (user: string) => ({ auth: Buffer.from(`${user}:pw`).toString('base64') });
  const config = {
    auths: {
      'https://index.docker.io/v1/': auth('hub'),
      'r.example.com:5000': auth('host'),
      'r.example.com:5000/team': auth('team'),
      '*.wild.io': auth('wild'),
      '*.wild.io/team': auth('wild-team'),
      'b.wild.io': auth('tame'),
    },
  };
  const secret = {
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') },
  };
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['docker.io/library/busybox', ['hub']],
    ['r.example.com:5000/team/app', ['team', 'host']],
    ['r.example.com:5000/other', ['host']],
    ['r.example.com/team/app', []],
    ['a.wild.io/x', ['wild']],
    ['a.wild.io/team/x', ['wild-team', 'wild']],
    ['b.wild.io/team/x', ['tame', 'wild-team', 'wild']],
    ['a.b.wild.io/x', []],
  ];
  it.each(cases)('%s: %j', (repository, users) => {
    const found = matchingEntries(secretEntries(secret), repository);
    expect(found.map(({ auth }) => auth.username)).toEqual(users);
  });

  it('treats a broken secret as empty', () => {
    expect(secretEntries({ ...secret, data: { '.dockerconfigjson': 'AAAA' } })).toEqual([]);
  });
});

describe('hostnames', () => {
  it('come from the spec, else from the name, cut to what DNS allows', () => {
    expect(podHostname(aPod({ name: `${'a'.repeat(62)}-bcd` }), 'c.local').hostname).toBe(
      'a'.repeat(62),
    );
    const pod = aPod({ hostname: 'h', subdomain: 's' });
    expect(podHostname(pod, 'c.local')).toEqual({ hostname: 'h', domain: 's.default.svc.c.local' });
  });

  it('can be fully qualified, up to 64 characters', () => {
    const spec = { hostname: 'h', subdomain: 's', setHostnameAsFQDN: true };
    expect(sandboxHostname(aPod(spec), 'c.local')).toBe('h.s.default.svc.c.local');
    expect(() => sandboxHostname(aPod(spec), 'x'.repeat(60))).toThrow(
      'is too long (64 characters is the max',
    );
  });

  it('must be DNS labels', () => {
    expect(() => podHostname(aPod({ hostname: 'A_b' }), 'c')).toThrow(
      'pod Hostname "A_b" is not a valid DNS label: a lowercase RFC 1123 label must',
    );
    expect(() => podHostname(aPod({ subdomain: 'a.b' }), 'c')).toThrow('pod Subdomain "a.b"');
    expect(() => podHostname(aPod({ hostname: 'a'.repeat(64) }), 'c')).toThrow(
      'is not a valid DNS label: must be no more than 63 characters',
    );
  });

  it('can be overridden as a whole, without a domain', () => {
    const spec = { hostname: 'h', subdomain: 's', setHostnameAsFQDN: true };
    const pod = aPod({ ...spec, hostnameOverride: 'host.example.com' });
    expect(podHostname(pod, 'c')).toEqual({ hostname: 'host.example.com', domain: '' });
    expect(sandboxHostname(pod, 'c')).toBe('host.example.com');
    expect(() => podHostname(aPod({ hostnameOverride: '-a' }), 'c')).toThrow(
      'pod HostnameOverride "-a" is not a valid DNS subdomain',
    );
  });
});

describe(renderHostsFile, () => {
  it('names the pod at each of its addresses, then its aliases', () => {
    const pod = aPod({ hostAliases: [{ ip: '10.9.9.9', hostnames: ['x', 'y'] }] });
    const names = { hostname: 'h', domain: 's.default.svc.c', podIps: ['10.1.0.1', 'fd00::1'] };
    expect(renderHostsFile(pod, names, 'ignored')).toBe(
      [
        '# Kubernetes-managed hosts file.',
        '127.0.0.1\tlocalhost',
        '::1\tlocalhost ip6-localhost ip6-loopback',
        'fe00::0\tip6-localnet',
        'fe00::0\tip6-mcastprefix',
        'fe00::1\tip6-allnodes',
        'fe00::2\tip6-allrouters',
        '10.1.0.1\th.s.default.svc.c\th',
        'fd00::1\th.s.default.svc.c\th',
        '',
        '# Entries added by HostAliases.',
        '10.9.9.9\tx\ty',
        '',
      ].join('\n'),
    );
  });
});

describe(podDns, () => {
  const host = { servers: ['1.1.1.1'], searches: ['corp'], options: ['timeout:1'] };
  const settings = {
    clusterDns: ['10.0.0.10'],
    clusterDomain: 'c.local',
    host,
    loopbacks: ['127.0.0.1'],
  };
  const clusterSearches = ['default.svc.c.local', 'svc.c.local', 'c.local', 'corp'];

  it('uses the cluster’s resolver by default', () => {
    expect(podDns(aPod({}), settings).config).toEqual({
      servers: ['10.0.0.10'],
      searches: clusterSearches,
      options: ['ndots:5'],
    });
  });

  it('uses the host’s resolver in the host network, or with policy Default', () => {
    for (const spec of [
      { hostNetwork: true, dnsPolicy: 'ClusterFirst' },
      { dnsPolicy: 'Default' },
    ]) {
      expect(podDns(aPod(spec), settings).config).toEqual(host);
    }
  });

  it('warns when there is no cluster DNS, and when limits cut something', () => {
    const nameservers = ['2.2.2.2', '3.3.3.3', '4.4.4.4'];
    const pod = aPod({ dnsConfig: { nameservers } });
    const { config, warnings } = podDns(pod, { ...settings, clusterDns: [] });
    expect(config.servers).toEqual(['1.1.1.1', '2.2.2.2', '3.3.3.3']);
    expect(warnings.map(({ reason }) => reason)).toEqual(['MissingClusterDNS', 'DNSConfigForming']);
    expect(warnings[0]?.nodeMessage).toMatch(/^kubelet does not have ClusterDNS IP configured/);
    expect(warnings[1]?.message).toMatch(/nameserver line is: 1.1.1.1 2.2.2.2 3.3.3.3$/);
  });

  it('uses the cluster’s resolver in the host network with ClusterFirstWithHostNet', () => {
    const spec = { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' };
    expect(podDns(aPod(spec), settings).config.servers).toEqual(['10.0.0.10']);
  });

  it('uses only the pod’s own settings with None', () => {
    const dnsConfig = {
      nameservers: ['9.9.9.9', '9.9.9.9'],
      searches: ['a.example', 'a.example'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }, { name: 'rotate', value: '' }],
    };
    const { config, warnings } = podDns(aPod({ dnsPolicy: 'None', dnsConfig }), settings);
    expect(config).toEqual({
      servers: ['9.9.9.9'],
      searches: ['a.example'],
      options: ['ndots:2', 'edns0', 'rotate'],
    });
    expect(warnings).toEqual([]);
  });

  it('lets the pod’s options override others', () => {
    const dnsConfig = { options: [{ name: 'ndots', value: '1' }] };
    expect(podDns(aPod({ dnsConfig }), settings).config.options).toEqual(['ndots:1']);
  });

  const many = (count: number, chars: number): string[] =>
    Array.from({ length: count }, (_, i) => `${i}`.padEnd(chars, 'x'));
  it.each([
    ['32 of 33 paths', many(33, 5), 32],
    ['those that are not too long', ['ok', 'x'.repeat(254)], 1],
    ['2048 characters', many(20, 200), 10],
  ])('keeps %s of the search list', (_, searches, count) => {
    const { config, warnings } = podDns(
      aPod({ dnsPolicy: 'None', dnsConfig: { searches } }),
      settings,
    );
    expect(config.searches).toHaveLength(count);
    expect(warnings).toEqual([
      {
        reason: 'DNSConfigForming',
        message: `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${(config.searches ?? []).join(' ')}`,
      },
    ]);
  });

  it.each([
    ['fits', many(29, 5), 'c.local', undefined],
    ['has too many domains', many(30, 5), 'c.local', 'more than 29 domains!'],
    ['has none of the cluster before it', many(32, 5), '', undefined],
    ['has a domain too long', ['x'.repeat(254)], 'c.local', 'more than allowed 253 chars!'],
    ['is too long', many(20, 200), 'c.local', 'more than allowed 2048 chars!'],
  ])('reports a resolv.conf that %s', (_, searches, clusterDomain, want) => {
    const conf = { servers: [], searches, options: [] };
    const problem = resolvConfProblem(conf, { path: '/etc/resolv.conf', clusterDomain });
    if (want === undefined) expect(problem).toBeUndefined();
    else expect(problem).toMatch(want);
  });

  it.each([
    [[], ['127.0.0.1']],
    [
      ['10.0.0.1', 'fd00::1'],
      ['127.0.0.1', '::1'],
    ],
    [['fd00::1'], ['::1']],
  ])('a host without resolv.conf at %j is asked at %j', (ips, want) =>
    expect(loopbacksOf(ips)).toEqual(want),
  );

  it('reads resolv.conf as resolvers do', () => {
    const text =
      '# x\nnameserver 1.1.1.1\nsearch a\nsearch b. .\noptions ndots:2 rotate\noptions ndots:3\n';
    expect(parseResolvConf(text)).toEqual({
      servers: ['1.1.1.1'],
      searches: ['b'],
      options: ['ndots:3', 'rotate'],
    });
    expect(parseResolvConf('nameserver')).toBe('nameserver list is empty ');
  });
});
