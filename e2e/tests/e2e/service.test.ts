import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { waitFor } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { isReady, useCluster } from './fixture.ts';

const e2e = useCluster();
describe('a Service', () => {
  it('answers from all of its pods, by cluster IP and by node port', async () => {
    const names = ['web-0', 'web-1', 'web-2'];
    for (const name of names) await e2e.createPod({ name, labels: { app: 'web' }, container: {} });
    const service = await e2e.createService('web', 8080);
    for (const name of names) await e2e.waitForPod(name, 'to be ready', isReady);
    const { nodeIp } = e2e.cluster.space.network;
    const urls = [
      `http://${service.spec?.clusterIP}/`,
      `http://${nodeIp}:${service.spec?.ports?.[0]?.nodePort}/`,
    ];
    for (const url of urls) {
      const seen = new Set<string>();
      const all = async () => seen.add((await e2e.cluster.get(url)).trim()).size === names.length;
      await waitFor(all, { what: `${url} to answer from every pod`, everyMs: 10 });
      expect([...seen].toSorted()).toEqual(names);
    }
  });

  it('keeps old connections and accepts new ones while kube-proxy is dead, and afterwards', async () => {
    const container = {
      image: 'nodeagent.test/busybox:1',
      command: ['nc', '-ll', '-p', '9000', '-e', 'cat'],
    };
    await e2e.createPod({ name: 'echo', labels: { app: 'echo' }, container });
    const service = await e2e.createService('echo', 9000);
    await e2e.waitForPod('echo', 'to be ready', isReady);
    const port = service.spec?.ports?.[0]?.nodePort ?? 0;
    const host = e2e.cluster.space.network.nodeIp;
    const old = await waitFor(() => open(host, port), { what: 'the Service to answer' });
    expect(await echo(old, 'before')).toBe('before');

    await e2e.cluster.proxy.kill9();
    expect(await echo(old, 'old')).toBe('old');
    const fresh = await open(host, port);
    expect(await echo(fresh, 'new')).toBe('new');

    await e2e.cluster.proxy.start();
    expect(await echo(old, 'still')).toBe('still');
    expect(await echo(fresh, 'too')).toBe('too');
    for (const socket of [old, fresh]) socket.destroy();
  });
});

async function open(host: string, port: number): Promise<Socket> {
  const socket = connect({ host, port, timeout: 5_000 });
  await once(socket, 'connect');
  return socket;
}

async function echo(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}
