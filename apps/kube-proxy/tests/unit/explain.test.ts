import { join } from 'node:path';

import { parseSave } from '@nodeagent/netfilter';
import { describe, expect, it } from 'vitest';

import { explain } from '../../src/explain.js';

const WEB = join(import.meta.dirname, 'manifests', 'web.yaml');

async function run(command: 'render' | 'trace', ...argv: string[]) {
  const notes: string[] = [];
  let text = '';
  for await (const piece of explain(command, argv, (note) => notes.push(note))) text += piece;
  return { text, notes };
}

describe('render', () => {
  it('prints the rules of both families, and names objects that it could not use', async () => {
    const { text, notes } = await run('render', '-f', WEB, '--cluster-cidr=10.244.0.0/16');
    expect(text).toMatch(/^# iptables, IPv4\n\*filter\n/);
    expect(text).toContain('\n# iptables, IPv6\n');
    expect(text).toContain('-d 10.96.0.10 --dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ\n');
    expect(notes).toEqual([
      'Service shop/draft has no clusterIP, so it has no rules: take it from a cluster (kubectl get -o yaml)',
    ]);
  });

  it('prints input that iptables-restore accepts', async () => {
    const { text } = await run('render', '-f', WEB, '--family=ipv4');
    const [filter, nat] = parseSave(text);
    expect([filter?.name, nat?.name]).toEqual(['filter', 'nat']);
    expect(text).not.toContain('IPv6');
  });

  it('reads null members of objects as absent', async () => {
    const file = join(import.meta.dirname, 'manifests', 'nulls.yaml');
    const { text, notes } = await run('render', '-f', file, '--family=ipv4');
    expect(notes).toEqual([]);
    expect(text).toContain('shop/nobody:http has no endpoints');
  });

  it('reads directories', async () => {
    const { text } = await run('render', '-f', join(import.meta.dirname, 'manifests'));
    expect(text).toContain('default/web:http cluster IP');
  });

  it.each([
    [[], 'no manifests'],
    [['-f', '/nowhere.yaml'], '/nowhere.yaml cannot be read'],
    [['-f', WEB, '--family=ipx'], '--family: must be IPv4 or IPv6, found "ipx"'],
    [['-f', WEB, '--mode=ebpf'], 'mode: must be'],
    [['-f', WEB, '--node-ip=here'], '--node-ip: "here" is not an address'],
    [['-f', WEB, '--feature-gates=Odd=true'], 'unrecognized feature gate: Odd'],
  ])('reports the error for %j', async (argv, message) => {
    await expect(run('render', ...argv)).rejects.toThrow(message);
  });
});

describe('trace', () => {
  const trace = async (...argv: string[]) =>
    (await run('trace', ...argv, '-f', WEB, '--cluster-cidr=10.244.0.0/16')).text;

  it('explains which endpoints a packet may reach, why, and by which rules', async () => {
    const text = await trace('10.96.0.10:80');
    expect(text).toContain('tcp 10.96.0.10:80 is the cluster IP of default/web:http/TCP\n');
    expect(text).toContain('  10.244.2.6:8080 (not ready) does not: it cannot answer\n');
    expect(
      text.match(/goes to 10\.244\.[12]\.5:8080, which sees the node .* \(50\.0 %\)/g),
    ).toHaveLength(4);
    expect(text).toContain('    nat KUBE-SERVICES: jump KUBE-SVC-');
  });

  it('follows mode userspace to the proxy, and on to its choice', async () => {
    const text = await trace('10.96.0.10:80', '--mode=userspace');
    expect(text).toContain('    nat KUBE-PORTALS-CONTAINER: redirect 4000');
    expect(text).toMatch(/the proxy at port 4000\d connects to 10\.244\.1\.5:8080\n/);
  });

  it.each([
    [['192.168.0.2:30080'], '10.244.2.5:8080 (ready) does not: it is not on this node'],
    [
      ['192.168.0.2:30080', '--from=node'],
      'but the sender is this node itself: endpoints anywhere',
    ],
    [['10.96.0.10:80', '--from', '10.244.1.5'], '10.244.1.5 may reach itself'],
    [['10.96.0.10:81'], 'a Service has the address, but not the port'],
    [['10.96.0.10:80', '--protocol=udp'], 'a Service has the address, but not the port'],
    [['[fd00::1]:80'], 'tcp [fd00::1]:80 belongs to no Service'],
  ])('of %j: %s', async (argv, line) => {
    expect(await trace(...argv)).toContain(line);
  });

  it.each([
    [[], '"" is not a target'],
    [['web:80'], '"web:80" is not a target'],
    [['10.96.0.10:0'], 'is not a target'],
    [
      ['10.96.0.10:80', '--from=fd00::1'],
      '--from: "fd00::1" is neither an IPv4 address nor "node"',
    ],
  ])('reports the error for %j', async (argv, message) => {
    await expect(trace(...argv)).rejects.toThrow(message);
  });
});
