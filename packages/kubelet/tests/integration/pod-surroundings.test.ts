import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Pod, PodSpec, Service } from '@nodeagent/kube-client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { RuntimeFixture } from './runtime-fixture.js';

let on: RuntimeFixture;
beforeAll(async () => {
  on = await RuntimeFixture.start();
});
afterAll(() => on.stop());
beforeEach(() => {
  on.events.length = 0;
});

const say = async (script: string, spec: Partial<PodSpec> = {}): Promise<string> =>
  (await on.run(on.pod(script, {}, spec))).log;

describe('the resolver', () => {
  const look = 'cat /etc/resolv.conf';
  const hostServers = async (): Promise<readonly string[]> =>
    (await readFile('/etc/resolv.conf', 'utf8')).match(/^nameserver .*$/gm) ?? [];

  it('is the cluster’s, with the cluster’s domains before the host’s', async () => {
    const log = await say(look);
    expect(log).toContain('nameserver 10.96.0.10\n');
    expect(log).toMatch(/^search test\.svc\.cluster\.local svc\.cluster\.local cluster\.local/m);
    expect(log).toMatch(/^options ndots:5$/m);
  });

  it.each([
    ['with the policy Default', { dnsPolicy: 'Default' }],
    ['in its network', { hostNetwork: true }],
  ])('is the host’s %s', async (_, spec) => {
    const log = await say(look, spec);
    for (const server of (await hostServers()).slice(0, 3)) expect(log).toContain(`${server}\n`);
    expect(log).not.toContain('10.96.0.10');
  });

  it('is the pod’s own with None, within the limits', async () => {
    const nameservers = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'];
    const options = [{ name: 'ndots', value: '1' }, { name: 'edns0' }];
    const dnsConfig = { nameservers, searches: ['a.example', 'b.example'], options };
    const log = await say(look, { dnsPolicy: 'None', dnsConfig });
    expect(log.trim().split('\n').sort()).toEqual([
      'nameserver 192.0.2.1',
      'nameserver 192.0.2.2',
      'nameserver 192.0.2.3',
      'options ndots:1 edns0',
      'search a.example b.example',
    ]);
    expect(on.events).toContain(
      'DNSConfigForming: Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 192.0.2.1 192.0.2.2 192.0.2.3',
    );
  });
});

describe('the domains to search', () => {
  const searched = async (searches: readonly string[]): Promise<readonly string[]> => {
    const dnsConfig = { nameservers: ['192.0.2.1'], searches: [...searches] };
    const log = await say('grep ^search /etc/resolv.conf', { dnsPolicy: 'None', dnsConfig });
    return log.trim().split(' ').slice(1);
  };
  const domains = (count: number, chars: number): readonly string[] =>
    Array.from({ length: count }, (_, i) => `${i}.`.padEnd(chars, 'x'));

  it.each([
    ['32 of 33', domains(33, 6), 32],
    ['as many as fit in 2048 characters', domains(20, 60).map((one) => `${one}.${one}.${one}`), 11],
    ['those of at most 253 characters', ['fits.example', `${'x'.repeat(250)}.test`], 1],
  ])('are %s, with an event', async (_, all, count) => {
    expect(await searched(all)).toEqual(all.slice(0, count));
    const line = all.slice(0, count).join(' ');
    expect(on.events).toContain(
      `DNSConfigForming: Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${line}`,
    );
  });

  it('are complete if they fit, without an event', async () => {
    expect(await searched(domains(32, 6))).toEqual(domains(32, 6));
    expect(on.events.filter((event) => event.startsWith('DNSConfigForming'))).toEqual([]);
  });
});

describe('the hosts file', () => {
  it('is the container’s own if it mounts one', async () => {
    const mounted = { volumeMounts: [{ name: 'own', mountPath: '/etc/hosts', subPath: 'hosts' }] };
    const pod = on.pod('cat /etc/hosts', mounted, { volumes: [{ name: 'own', emptyDir: {} }] });
    const dir = await on.volumeDir(pod, 'own');
    await writeFile(join(dir, 'hosts'), '192.0.2.9 mine\n');
    expect((await on.run(pod)).log).toBe('192.0.2.9 mine\n');
  });

  it('is the host’s with the pod’s aliases in the host network', async () => {
    const hostAliases = [{ ip: '10.9.9.9', hostnames: ['friend', 'pal'] }];
    const log = await say('cat /etc/hosts', { hostNetwork: true, hostAliases });
    expect(log).toMatch(/^# Kubernetes-managed hosts file \(host network\)\.\n/);
    expect(log).toContain(await readFile('/etc/hosts', 'utf8'));
    expect(log).toMatch(/\n\n# Entries added by HostAliases\.\n10\.9\.9\.9\tfriend\tpal\n$/);
  });

  it('is writable even if the root is read-only', async () => {
    const pod = on.pod('echo "# mine" >> /etc/hosts && tail -n 1 /etc/hosts', {
      securityContext: { readOnlyRootFilesystem: true },
    });
    expect((await on.run(pod)).log).toBe('# mine\n');
  });
});

describe('the name', () => {
  const cases: readonly (readonly [string, Partial<PodSpec>, string])[] = [
    ['from the pod’s spec', { hostname: 'me' }, 'me'],
    [
      'with its domain, if requested',
      { hostname: 'me', subdomain: 'sub', setHostnameAsFQDN: true },
      'me.sub.test.svc.cluster.local',
    ],
    [
      'that replaces all others',
      { hostname: 'me', hostnameOverride: 'other.example.com' },
      'other.example.com',
    ],
  ];
  it.each(cases)('is the one %s', async (_, spec, want) => {
    expect(await say('cat /proc/sys/kernel/hostname', spec)).toBe(`${want}\n`);
  });

  it('is cut to DNS’s limit if it is the pod’s own name', async () => {
    const pod = on.pod('cat /proc/sys/kernel/hostname');
    pod.metadata!.name = `${'n'.repeat(62)}-long-${pod.metadata?.uid ?? ''}`;
    expect((await on.run(pod)).log).toBe(`${'n'.repeat(62)}\n`);
  });

  it.each([
    [
      'too long with its domain',
      { subdomain: 's'.repeat(40), setHostnameAsFQDN: true },
      /FQDN .* is too long \(64 characters is the max, \d+ characters requested\)/,
    ],
    ['none', { hostname: 'Not_A_Name' }, /pod Hostname "Not_A_Name" is not a valid DNS label/],
  ])('is refused when it is %s', async (_, spec, message) => {
    await expect(on.start(on.pod('true', {}, spec))).rejects.toThrow(message);
  });

  it('of a pod may be longer than a directory name, which is reported', async () => {
    const pod: Pod = on.pod('true');
    pod.metadata!.name = 'n'.repeat(253);
    await expect(on.start(pod)).rejects.toThrow(/ENAMETOOLONG/);
  });
});

describe('services', () => {
  const service = (namespace: string, name: string, clusterIP: string): Service => ({
    metadata: { namespace, name },
    spec: { clusterIP, ports: [{ port: 8765, protocol: 'TCP' }] },
  });

  it('are described by variables, all of them only if the pod enables service links', async () => {
    on.services = [
      service('default', 'kubernetes', '10.96.0.1'),
      service('test', 'foo-svc', '10.96.0.2'),
      service('other', 'bar', '10.96.0.3'),
    ];
    const script = 'env | grep -E "^(KUBERNETES|FOO_SVC|BAR)_" | sort';
    const of = async (enableServiceLinks: boolean): Promise<readonly string[]> =>
      (await say(script, { enableServiceLinks })).trim().split('\n');
    const own = [
      'FOO_SVC_PORT=tcp://10.96.0.2:8765',
      'FOO_SVC_PORT_8765_TCP=tcp://10.96.0.2:8765',
      'FOO_SVC_PORT_8765_TCP_ADDR=10.96.0.2',
      'FOO_SVC_PORT_8765_TCP_PORT=8765',
      'FOO_SVC_PORT_8765_TCP_PROTO=tcp',
      'FOO_SVC_SERVICE_HOST=10.96.0.2',
      'FOO_SVC_SERVICE_PORT=8765',
    ];
    const api = own.map((line) =>
      line.replace('FOO_SVC', 'KUBERNETES').replace('10.96.0.2', '10.96.0.1'),
    );
    expect(await of(true)).toEqual([...own, ...api]);
    expect(await of(false)).toEqual(api);
  });
});
