import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { thisNetns } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import { machineOf, startProxy } from '../integration/running-proxy.js';
import { configOf } from '../packets/objects.js';

const node = thisNetns();
const byNetlink = {
  openNetlink: async (protocol: 'netfilter' | 'generic' | 'route') =>
    openNetlinkSocket({ protocol: PROTOCOL[protocol] }),
};

it.each([
  { name: 'over netlink', more: byNetlink },
  { name: 'by the nft program', more: {} },
])('reports a kernel without nf_tables, and ends ($name)', async ({ more }) => {
  const config = configOf('nftables', {});
  const proxy = startProxy(node, [], config, { ...machineOf(node), ...more });
  await expect(proxy.ended).rejects.toMatchObject({
    code: 'PROXY_NO_FAMILY',
    message: expect.stringMatching(
      /^no support for primary IP family IPv4: nftables: [^]*Linux 5.13 with nf_tables/,
    ),
  });
});
