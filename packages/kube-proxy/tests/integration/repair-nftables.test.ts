import { ifStarted, waitFor } from '@nodeagent/testbed';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

import { type ChildProxy, startChildProxy } from '../packets/child.js';
import { FAMILIES } from '../packets/hosts.js';
import { createPacketNetwork, type PacketNetwork } from '../packets/network.js';
import { configOf, WorldObjects } from '../packets/objects.js';

const objects = new WorldObjects([{ name: 'web', ports: [{ port: 80 }], endpoints: ['a', 'b'] }]);
const config = configOf('nftables', {});

let network: PacketNetwork;
let proxy: ChildProxy | undefined;

beforeAll(async () => {
  network = await createPacketNetwork();
});
afterEach(async () => {
  await proxy?.stop();
  proxy = undefined;
});
afterAll(async () => {
  await ifStarted(network)?.remove();
});

async function untilAnswers(): Promise<void> {
  for (const family of FAMILIES) {
    const host = objects.address({ clusterIp: 'web' }, family);
    const question = { protocol: 'tcp', host, port: 80, timeoutMs: 1000 } as const;
    const answers = async () => typeof (await network.ask('client', question)) === 'object';
    await waitFor(answers, { what: `${family} rules`, timeoutMs: 60_000 });
  }
}

const nft = (...args: string[]): Promise<string> => network.node.run(['nft', ...args]);

it('repairs what other programs destroy: everything, a rule, an element', async () => {
  proxy = startChildProxy(network.node, objects.all, config);
  await untilAnswers();

  await nft('flush', 'ruleset');
  await untilAnswers();

  await nft('flush', 'chain', 'ip', 'kube-proxy', 'services');
  await untilAnswers();

  const host = objects.address({ clusterIp: 'web' }, 'IPv4');
  await nft('delete', 'element', 'ip', 'kube-proxy', 'service-ips', `{ ${host} . tcp . 80 }`);
  await untilAnswers();

  const foreign = '{ 10.96.99.99 . tcp . 80 : drop }';
  await nft('add', 'element', 'ip', 'kube-proxy', 'service-ips', foreign);
  const isGone = async () =>
    !(await nft('list', 'map', 'ip', 'kube-proxy', 'service-ips')).includes('10.96.99.99');
  await waitFor(isGone, { what: 'the foreign element to go', timeoutMs: 60_000 });
});

it('takes over the table of an earlier process, and removes what is no longer needed', async () => {
  await untilAnswers(); // the rules stay when the proxy ends
  const more = new WorldObjects([
    { name: 'web', ports: [{ port: 80 }], endpoints: ['b'] },
    { name: 'other', ports: [{ port: 80 }], endpoints: ['a'] },
  ]);
  proxy = startChildProxy(network.node, more.all, config);
  const list = () => nft('list', 'table', 'ip', 'kube-proxy');
  await waitFor(async () => (await list()).includes('any-1'), {
    what: 'the new rules',
    timeoutMs: 60_000,
  });
  await untilAnswers();
  await waitFor(async () => !(await list()).includes('any-2'), {
    what: 'the chain that nothing uses to go',
    timeoutMs: 60_000,
  });
  expect(await proxy.stop()).not.toContain('cannot be used');
  proxy = undefined;
});
