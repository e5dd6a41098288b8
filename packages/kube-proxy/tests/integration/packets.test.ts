import { ENDPOINT_SLICES, NODES } from '@nodeagent/kube-client';
import { createSpawnRunner } from '@nodeagent/netfilter/spawn';
import { ifStarted, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { cleanupEverything } from '../../src/index.js';
import type { ServiceSketch } from '../packets/cases.js';
import { FAMILIES, NODE } from '../packets/hosts.js';
import { createPacketNetwork, type Met, type PacketNetwork } from '../packets/network.js';
import { configOf, WorldObjects } from '../packets/objects.js';
import { type RunningProxy, seed, startProxy } from './running-proxy.js';

const dns = (pod: 'a' | 'b'): ServiceSketch => ({
  name: 'dns',
  ports: [{ port: 53, protocol: 'UDP' }],
  endpoints: [pod],
});
const web: ServiceSketch = { name: 'web', ports: [{ port: 80 }], endpoints: ['a', 'b'] };
const only: ServiceSketch = { name: 'only', ports: [{ port: 80 }], endpoints: ['a'] };
const objects = new WorldObjects([dns('a'), web, only]);
const moved = new WorldObjects([dns('b')]);

let network: PacketNetwork;
let proxy: RunningProxy;

const tcp = (name: string, family: (typeof FAMILIES)[number]): Promise<Met> => {
  const host = objects.address({ clusterIp: name }, family);
  return network.ask('client', { protocol: 'tcp', host, port: 80, timeoutMs: 5000 });
};

beforeAll(async () => {
  network = await createPacketNetwork();
  proxy = startProxy(network.node, objects.all, configOf('iptables', {}));
  await untilAnswers();
});

afterAll(async () => {
  await ifStarted(proxy)?.stop();
  await ifStarted(network)?.remove();
});

async function untilAnswers(): Promise<void> {
  for (const family of FAMILIES) {
    const ready = async () => typeof (await tcp('web', family)) === 'object';
    await waitFor(ready, { what: `the ${family} rules` });
  }
}

describe.each(FAMILIES)('%s', (family) => {
  it('forgets UDP flows to an endpoint that is gone', async () => {
    const host = objects.address({ clusterIp: 'dns' }, family);
    const question = { protocol: 'udp', host, port: 53, sourcePort: 40_000 } as const;
    const ask = () => network.ask('client', { ...question, timeoutMs: 5000 });
    await waitFor(async () => typeof (await ask()) === 'object', { what: 'a to answer' });
    const slice = moved.all.find((one) => 'addressType' in one && one.addressType === family);
    proxy.client.drop(ENDPOINT_SLICES, { namespace: 'default', name: slice!.metadata!.name! });
    seed(proxy.client, slice!);
    const done = async () => {
      const answer = await ask();
      return typeof answer === 'object' && answer.server === 'b';
    };
    await waitFor(done, { what: 'the same flow to reach b' });
  });
});

it('writes everything again when the node moves to another zone, and not for another label', async () => {
  const fullSyncs = (): number =>
    proxy.metrics.observations.get(
      'kubeproxy_sync_full_proxy_rules_duration_seconds{ip_family="IPv4"}',
    )?.length ?? 0;
  const node = await proxy.client.get(NODES, { name: NODE }, AbortSignal.timeout(5000));
  const label = (labels: Record<string, string>): void => {
    proxy.client.seed(NODES, { ...node, metadata: { ...node.metadata, labels } });
  };
  const before = fullSyncs();
  label({ ...node.metadata?.labels, colour: 'blue' });
  // a later change has been carried out
  const slice = new WorldObjects([{ ...only, endpoints: ['b'] }]).all.find(
    (one) => 'addressType' in one && one.addressType === 'IPv4',
  );
  seed(proxy.client, slice!);
  const isB = async () => {
    const met = await tcp('only', 'IPv4');
    return typeof met === 'object' && met.server === 'b';
  };
  await waitFor(isB, { what: 'the next change' });
  expect(fullSyncs()).toBe(before);
  label({ ...node.metadata?.labels, 'topology.kubernetes.io/zone': 'zone-z' });
  await waitFor(() => fullSyncs() > before, { what: 'everything to be written' });
});

describe('rules in the kernel', () => {
  it('come back after another program flushed them', async () => {
    for (const table of ['nat', 'filter', 'mangle']) {
      await network.node.run(['iptables', '-t', table, '-F']);
      await network.node.run(['iptables', '-t', table, '-X']);
    }
    const noticed = () =>
      proxy.log.lines.some(({ message }) => message === 'another program flushed the rules');
    await waitFor(noticed, { what: 'the flush to be noticed' });
    await untilAnswers();
  });

  it('lose the chains of a deleted Service, and no others', async () => {
    const chains = async () =>
      (await network.node.run(['iptables-save', '-t', 'nat'])).match(/^:KUBE-(SVC|SEP)-\S+/gm) ??
      [];
    const before = await chains();
    proxy.client.drop(ENDPOINT_SLICES, { namespace: 'default', name: 'only-ipv4' });
    await waitFor(async () => (await chains()).length < before.length, { what: 'fewer chains' });
    expect(before.length - (await chains()).length).toBe(2);
    expect(await tcp('only', 'IPv4')).toBe('refused');
  });

  it('stay and work after the proxy ends, and are removed by the clean-up', async () => {
    await proxy.stop();
    expect(await tcp('web', 'IPv4')).toHaveProperty('server');
    expect(await tcp('web', 'IPv6')).toHaveProperty('server');
    const commands = createSpawnRunner({ prefix: network.node.enter });
    await cleanupEverything({ commands, log: proxy.log }, new AbortController().signal);
    for (const program of ['iptables-save', 'ip6tables-save']) {
      const rules = await network.node.run([program]);
      expect(rules.match(/KUBE-(?!FIREWALL)[\w-]+/g)).toBeNull();
    }
  });
});
