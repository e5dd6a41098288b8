import { readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

import { ENDPOINT_SLICES, SERVICES } from '@nodeagent/kube-client';
import { aService, aSlice } from '@nodeagent/kube-proxy/testing';
import { ifStarted, type TestProcess, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createWorld, type World, WORLD_IP } from './world.js';

let world: World;
let proxy: TestProcess;

inOwnNamespace(
  'tests/integration/program.test.ts',
  () => {
    beforeAll(async () => {
      world = await createWorld({ unknownField: 1, enableProfiling: true });
      const ports = [{ port: 80, protocol: 'TCP' }];
      world.api.objects.seed(SERVICES, aService('default/web', { clusterIP: '10.96.0.10', ports }));
      const slicePorts = [{ name: '', port: 8080, protocol: 'TCP' }];
      world.api.objects.seed(ENDPOINT_SLICES, aSlice('default/web', slicePorts, [WORLD_IP]));
    });

    afterAll(async () => {
      await ifStarted(proxy)?.stop();
      await ifStarted(world)?.remove();
    });

    const rules = () => world.node.run(['iptables-save']);
    /** Returns the log of all proxies in this file. */
    const wholeLog = (): string => readFileSync(proxy.logFile, 'utf8');
    const fetchText = async (url: string, options: readonly string[] = []): Promise<string> =>
      world.node.run(['curl', '-sS', '-m', '20', ...options, url]);

    async function untilProgrammed(): Promise<void> {
      const done = async () => (await rules()).includes('--to-destination 10.99.0.1:8080');
      await waitFor(done, { what: 'rules' }).catch((error: unknown) => {
        throw new Error(`no rules: ${proxy.logTail()}`, { cause: error });
      });
    }

    it('programs the kernel, warns of unknown fields and serves health and metrics', async () => {
      // a table as the nftables mode leaves it
      await world.node.run(['nft', 'add', 'table', 'ip', 'kube-proxy']);
      proxy = await world.start();
      await untilProgrammed();
      const tableGone = async () =>
        !(await world.node.run(['nft', 'list', 'tables'])).includes('kube-proxy');
      await waitFor(tableGone, { what: 'the table of the other mode to go' });
      expect(wholeLog()).toContain('unknown field \\"unknownField\\"');
      const health = JSON.parse(await fetchText('http://127.0.0.1:10256/healthz')) as object;
      const stamp = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
      expect(health).toMatchObject({
        lastUpdated: stamp,
        nodeEligible: true,
        healthy: true,
        status: { IPv4: { lastUpdated: stamp, healthy: true } },
      });
      expect(await fetchText('http://127.0.0.1:10249/proxyMode')).toBe('iptables');
      expect(await fetchText('http://127.0.0.1:10249/healthz')).toBe('ok');
      const configz = JSON.parse(await fetchText('http://127.0.0.1:10249/configz')) as object;
      expect(configz).toMatchObject({
        'kubeproxy.config.k8s.io': {
          apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
          kind: 'KubeProxyConfiguration',
          mode: 'iptables',
        },
      });
      // A sync is counted when it has finished: some rules exist a moment before.
      let metrics = '';
      const counted = async () => {
        metrics = await fetchText('http://127.0.0.1:10249/metrics');
        return /kubeproxy_sync_proxy_rules_duration_seconds_count\{ip_family="IPv4"\} \d/.test(
          metrics,
        );
      };
      await waitFor(counted, { what: 'the first sync to be counted' });
      expect(metrics).toMatch(/kubeproxy_sync_proxy_rules_iptables_total\{.*table="nat".*\} 10\n/);
      expect(metrics).toMatch(
        /^rest_client_requests_total\{code="200",method="GET",host="10\.99\.0\.1:\d+"\} [1-9]/m,
      );
      expect(metrics).toMatch(
        /^rest_client_request_duration_seconds_count\{verb="GET",.*\} [1-9]/m,
      );
      expect(metrics).toMatch(/^process_resident_memory_bytes \d{8,}$/m);
    });

    it("continues when objects do not have the API's types, and serves all other objects", async () => {
      const { objects } = world.api;
      const ports = [{ name: '', port: 8090, protocol: 'TCP' }];
      const bad = aService('default/bad', { clusterIP: '10.96.0.66', ports });
      objects.seed(SERVICES, { ...bad, spec: { ...bad.spec, externalIPs: 7 } } as never);
      const slice = aSlice('default/bad', ports, [WORLD_IP]);
      objects.seed(ENDPOINT_SLICES, { ...slice, endpoints: 'none', ports: null } as never);
      objects.seed(SERVICES, aService('default/later', { clusterIP: '10.96.0.67', ports }));
      objects.seed(ENDPOINT_SLICES, aSlice('default/later', ports, [WORLD_IP]));
      const isServed = async () => (await rules()).includes('-d 10.96.0.67/32');
      await waitFor(isServed, { what: 'rules of the Service that came after the bad one' });
      expect(wholeLog()).toMatch(
        /"object cannot be used; .* kind="Service" namespace="default" name="bad" /,
      );
      const metrics = await fetchText('http://127.0.0.1:10249/metrics');
      expect(metrics).toMatch(/^nodeagent_object_failures_total\{kind="Service",step="read"\} 1$/m);
      for (const name of ['bad', 'later']) {
        objects.drop(SERVICES, { namespace: 'default', name });
        objects.drop(ENDPOINT_SLICES, { namespace: 'default', name: `${name}-1` });
      }
    });

    it('reports to load balancers whether the node has endpoints of a Service', async () => {
      const ports = [{ name: '', port: 80, protocol: 'TCP' }];
      const local = {
        type: 'LoadBalancer',
        clusterIP: '10.96.0.11',
        externalTrafficPolicy: 'Local',
        healthCheckNodePort: 30_999,
        ports,
      };
      world.api.objects.seed(SERVICES, aService('default/local', local));
      const ask = (): Promise<string> => fetchText('http://10.99.0.2:30999', ['-i']);
      const answers = (text: RegExp) => async () => text.test(await ask().catch(() => ''));
      await waitFor(answers(/^HTTP\/1.1 503 /), { what: 'the port to say that there is none' });
      const here = { ip: '10.99.0.2', nodeName: 'node-a' };
      world.api.objects.seed(ENDPOINT_SLICES, aSlice('default/local', ports, [here]));
      await waitFor(answers(/^HTTP\/1.1 200 /), { what: 'the port to say that there is one' });
      expect(await ask()).toMatch(/^x-load-balancing-endpoint-weight: 1\r?$/im);
      world.api.objects.drop(SERVICES, { namespace: 'default', name: 'local' });
      const isClosed = async () => {
        const { exitCode } = await world.node.try(['curl', '-m', '2', 'http://10.99.0.2:30999']);
        return exitCode === 7;
      };
      await waitFor(isClosed, { what: 'the port to be closed' });
    });

    it('counts dropped packets in the kernel, or reports that it cannot', async () => {
      const feeds = /--nfacct-name +ct_state_invalid_dropped_pkts/.test(await rules());
      const says = wholeLog().includes('dropped packets are not counted');
      expect(feeds).toBe(!says);
      const metrics = await fetchText('http://127.0.0.1:10249/metrics');
      const name = 'kubeproxy_iptables_ct_state_invalid_dropped_packets_total';
      expect(metrics.includes(`${name} 0\n`)).toBe(feeds);
    });

    it('gives memory back when idle', async () => {
      const residentMib = (): number => {
        const status = readFileSync(`/proc/${proxy.pid}/status`, 'utf8');
        return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
      };
      // The goal is 65; the rest is for kernels that count differently. Without garbage collection
      // it is 75.
      await waitFor(() => residentMib() < 70, { what: 'memory to be given back', everyMs: 500 });
    });

    it('serves profiles with enableProfiling', async () => {
      const url = 'http://127.0.0.1:10249/debug/pprof';
      expect(JSON.parse(await fetchText(`${url}/profile?seconds=1`))).toHaveProperty('samples');
      expect(JSON.parse(await fetchText(`${url}/heap`))).toHaveProperty('snapshot');
    });

    it('changes the verbosity of its logs while it runs', async () => {
      const logged = () => wholeLog().includes('"the API server answered"');
      expect(logged()).toBe(false);
      const put = (level: string): Promise<string> =>
        fetchText('http://127.0.0.1:10249/debug/flags/v', ['-X', 'PUT', '-d', level]);
      expect(await put('6')).toBe('successfully set klog.logging.verbosity to 6');
      // watches that lose their server begin again, each with a request
      world.api.objects.endWatches();
      await waitFor(logged, { what: 'a request in the log' });
      await put('0');
    });

    it('continues while the API server is unavailable, and catches up when it is back', async () => {
      const before = await rules();
      world.apiAway();
      const noticed = () => proxy.logTail(200).includes('cannot be watched');
      await waitFor(noticed, { what: 'the loss to be noticed' });
      expect((await rules()).match(/^-A/gm)).toEqual(before.match(/^-A/gm));
      const health = JSON.parse(await fetchText('http://127.0.0.1:10256/healthz')) as object;
      expect(health).toMatchObject({ healthy: true });
      const ports = [{ name: '', port: 8080, protocol: 'TCP' }];
      world.api.objects.seed(
        ENDPOINT_SLICES,
        aSlice('default/web', ports, ['10.99.0.1', '10.99.0.7']),
      );
      await world.apiBack();
      const caughtUp = async () => (await rules()).includes('--to-destination 10.99.0.7:8080');
      await waitFor(caughtUp, { what: 'the change made meanwhile' });
    });

    it('leaves rules and connections alone when it is killed, and continues from there', async () => {
      const before = await rules();
      await proxy.kill9();
      expect((await rules()).match(/^-A/gm)).toEqual(before.match(/^-A/gm));
      world.api.objects.drop(ENDPOINT_SLICES, { namespace: 'default', name: 'web-1' });
      proxy = await world.start();
      // one restore commits table after table: the refusal may exist before the old chains are
      // removed
      const emptied = async () => {
        const now = await rules();
        return now.includes('has no endpoints') && !now.includes('KUBE-SEP-');
      };
      await waitFor(emptied, { what: 'the change made meanwhile' });
    });

    it('ends with 0 on SIGTERM', async () => {
      proxy.signal('SIGTERM');
      expect(await proxy.ended).toBe(0);
    });

    it('ends with an error when its configuration file is written', async () => {
      proxy = await world.start();
      const started = () => wholeLog().split('proxy started').length > 3;
      await waitFor(started, { what: 'the start' });
      utimesSync(world.configFile, new Date(), new Date());
      expect(await proxy.ended).toBe(1);
      expect(proxy.logTail()).toContain('configuration file was updated');
    });

    it('keeps node ports off loopback and invalid packets when configured to', async () => {
      const liberal = 'net.netfilter.nf_conntrack_tcp_be_liberal';
      const route = 'net.ipv4.conf.all.route_localnet';
      const before = await rules();
      expect(before).toContain('--ctstate INVALID');
      expect(before).toContain('block incoming localnet connections');
      expect(await world.node.run(['sysctl', '-n', route])).toMatch(/^1$/m);
      await world.node.run(['sysctl', '-qw', `${route}=0`, `${liberal}=1`]);
      world.configure({ iptables: { localhostNodePorts: false } });
      proxy = await world.start();
      const isThere = async () => /--dst-type LOCAL.*! -d 127|! -d 127.*LOCAL/.test(await rules());
      await waitFor(isThere, { what: 'the rule without loopback' });
      await waitFor(async () => !(await rules()).includes('--ctstate INVALID'), {
        what: 'no drop',
      });
      expect(await world.node.run(['sysctl', '-n', route])).toMatch(/^0$/m);
      await proxy.stop();
    });

    it('serves one address family when the machine has no other', async () => {
      await world.node.run(['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1']);
      world.configure({});
      proxy = await world.start();
      const isTold = () => /"?family"?[=:] ?"?IPv6"?.*is not served|is not served.*IPv6/;
      await waitFor(() => isTold().test(proxy.logTail(60)), { what: 'word of IPv6' });
      const status = async () =>
        Object.keys(
          (
            JSON.parse(await fetchText('http://127.0.0.1:10256/healthz').catch(() => '{}')) as {
              status?: object;
            }
          ).status ?? {},
        );
      await waitFor(async () => (await status()).join() === 'IPv4', { what: 'IPv4 to be served' });
      await proxy.stop();
      await world.node.run(['sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=0']);
    });

    it('reports missing tools, and ends', async () => {
      // without the folder of iptables
      proxy = await world.start([], ['env', 'PATH=/usr/bin:/bin']);
      expect(await proxy.ended).toBe(1);
      const message = 'no support for primary IP family IPv4: iptables: not installed';
      expect(proxy.logTail(50)).toContain(message);
    });

    it('reports missing permission, and ends', async () => {
      proxy = await world.start([], ['setpriv', '--bounding-set=-net_admin']);
      expect(await proxy.ended).toBe(1);
      expect(proxy.logTail(50)).toContain('CAP_NET_ADMIN is needed');
    });

    it('ends after --init-only and removes everything with --cleanup', async () => {
      proxy = await world.start(['--init-only']);
      expect(await proxy.ended).toBe(0);
      await world.node.run(['iptables', '-t', 'mangle', '-N', 'KUBE-IPTABLES-HINT']);
      expect(await rules()).toContain('KUBE-SERVICES');
      proxy = await world.start(['--cleanup']);
      expect(await proxy.ended).toBe(0);
      const left = new Set((await rules()).match(/KUBE-[\w-]+/g));
      expect([...left].toSorted()).toEqual(['KUBE-FIREWALL', 'KUBE-IPTABLES-HINT']);
    });

    it('writes the configuration that it uses without a file', async () => {
      const path = join(world.folder, 'written.yaml');
      proxy = await world.startBare(['--write-config-to', path]);
      expect(await proxy.ended).toBe(0);
      const written = readFileSync(path, 'utf8');
      expect(written).toMatch(/^mode: "?iptables"?$/m);
      expect(written).toMatch(/^detectLocalMode: "?ClusterCIDR"?$/m);
      for (const mode of ['ipvs', 'nftables']) {
        const section = new RegExp(`^${mode}:\n((?: .*\n)+)`, 'm').exec(written)?.[1];
        expect(section).toMatch(/^ +syncPeriod: "?0s"?$/m);
        expect(section).toMatch(/^ +minSyncPeriod: "?0s"?$/m);
      }
    });
  },
  600_000,
);
