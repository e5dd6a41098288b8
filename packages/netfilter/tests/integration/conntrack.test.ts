import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { createSystemClock } from '@nodeagent/base/system';
import { type NetlinkSocket, splitMessages } from '@nodeagent/netlink-codec';
import { openNetlinkSocket, PROTOCOL } from '@nodeagent/netlink-codec/socket';
import { runCommand } from '@nodeagent/testbed';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';

import { inOwnNamespace } from '../../../../vitest.namespace.js';
import { createSpawnRunner } from '../../src/adapters/spawn-command.js';
import { createConntrack, KernelConntrack } from '../../src/conntrack.js';
import {
  conntrackContract,
  type ConntrackUnderTest,
  type Traffic,
} from '../contract/conntrack-contract.js';

const signal = new AbortController().signal;
const clock = createSystemClock();
const openSocket = (): NetlinkSocket => openNetlinkSocket({ protocol: PROTOCOL.netfilter });

inOwnNamespace('tests/integration/conntrack.test.ts', () => {
  beforeAll(async () => {
    const own = ['10.77.0.1/32', '10.77.1.1/32', '10.77.2.1/32', '10.77.2.2/32'];
    for (const ip of [...own, 'fd77::1/128', 'fd77::2/128']) {
      await runCommand([
        'ip',
        'addr',
        'add',
        ip,
        'dev',
        'lo',
        ...(ip.includes(':') ? ['nodad'] : []),
      ]);
    }
    const tracked = ['-m', 'conntrack', '--ctstate', 'NEW'];
    // without such a rule the kernel tracks nothing
    await runCommand(['ip6tables', '-A', 'OUTPUT', ...tracked, '-j', 'ACCEPT']);
  });

  function kernel(open = openSocket): KernelConntrack {
    const conntrack = new KernelConntrack({ family: 'IPv4', open, clock });
    onTestFinished(() => conntrack.close());
    return conntrack;
  }

  describe('The kernel', () => {
    conntrackContract('over netlink', async () => underTest(kernel()));
    conntrackContract('without the filter', async () => underTest(kernel(withoutFilter)));
    conntrackContract('by the conntrack program', async () =>
      underTest(createConntrack(createSpawnRunner(), 'IPv4')),
    );
  });

  it('has the kernel filter: it does not even send other flows', async () => {
    const seen: number[] = [];
    const conntrack = kernel(() => counting(openSocket(), seen));
    await underTest(conntrack).track(
      [1, 2, 3, 4, 5].map((n) => ({
        protocol: 'udp',
        original: {
          source: '10.77.0.1',
          sourcePort: 41_000 + n,
          destination: '10.77.1.1',
          destinationPort: 53,
        },
        server: { ip: '10.77.2.1', port: 5353 },
      })),
    );
    await conntrack.list({ protocol: 'udp', original: { sourcePort: 41_003 } }, signal);
    expect(seen).toEqual([1]);
  });

  it('lists and deletes IPv6 flows', async () => {
    const conntrack = new KernelConntrack({ family: 'IPv6', open: openSocket, clock });
    onTestFinished(() => conntrack.close());
    const original = {
      source: 'fd77::1',
      sourcePort: 40_100,
      destination: 'fd77::2',
      destinationPort: 53,
    };
    await sendDatagram(original, 'udp6');
    const query = { protocol: 'udp', original, reply: { source: 'fd77::2' } } as const;
    const flows = await conntrack.list(query, signal);
    expect(flows).toMatchObject([{ original, zone: 0 }]);
    expect(await conntrack.delete(flows, signal)).toBe(1);
    expect(await conntrack.list(query, signal)).toEqual([]);
  });

  it('keeps zones apart', async () => {
    const rule = [
      '-t',
      'raw',
      '-A',
      'OUTPUT',
      '-p',
      'udp',
      '--dport',
      '54',
      '-j',
      'CT',
      '--zone',
      '7',
    ];
    await runCommand(['iptables', ...rule]);
    const conntrack = kernel();
    const original = {
      source: '10.77.0.1',
      sourcePort: 40_200,
      destination: '10.77.2.1',
      destinationPort: 54,
    };
    await sendDatagram(original);
    const flows = await conntrack.list({ protocol: 'udp', original }, signal);
    expect(flows.map(({ zone }) => zone)).toContain(7);
    const inZone = flows.filter(({ zone }) => zone === 7);
    expect(await conntrack.delete(inZone, signal)).toBe(1);
    const left = await conntrack.list({ protocol: 'udp', original }, signal);
    expect(left.map(({ zone }) => zone)).not.toContain(7);
  });

  it('reports missing permission', async () => {
    const conntrack = kernel();
    process.seteuid?.('nobody');
    try {
      await expect(conntrack.list({ protocol: 'udp' }, signal)).rejects.toMatchObject({
        code: 'NETFILTER_PERMISSION',
      });
    } finally {
      process.seteuid?.(0);
    }
  });
});

function underTest(conntrack: ConntrackUnderTest['conntrack']): ConntrackUnderTest {
  return {
    conntrack,
    track: async (traffic) => {
      await runCommand(['conntrack', '-F']);
      await runCommand(['iptables', '-t', 'nat', '-F', 'OUTPUT']);
      for (const flow of traffic) await send(flow);
    },
  };
}

/** Sends real packets, which a rule leads to the server. */
async function send({ protocol, original, server }: Traffic): Promise<void> {
  const { sourcePort, destination, destinationPort } = original;
  const match = ['-p', protocol, '-d', destination, '--dport', String(destinationPort)];
  const from = ['--sport', String(sourcePort)];
  const to = ['-j', 'DNAT', '--to-destination', `${server.ip}:${server.port}`];
  await runCommand(['iptables', '-t', 'nat', '-A', 'OUTPUT', ...match, ...from, ...to]);
  if (protocol === 'udp') return sendDatagram(original);
  const listener = createServer((peer) => {
    peer.resume().on('error', () => peer.destroy()); // the client resets at the end
  }).listen(server.port, server.ip);
  await once(listener, 'listening');
  const socket = connect({
    host: destination,
    port: destinationPort,
    localAddress: original.source,
    localPort: sourcePort,
  });
  await once(socket, 'connect');
  onTestFinished(() => {
    socket.resetAndDestroy(); // an orderly close would keep the port
    listener.close();
  });
}

async function sendDatagram(
  { source, sourcePort, destination, destinationPort }: Traffic['original'],
  type: 'udp4' | 'udp6' = 'udp4',
): Promise<void> {
  const socket = createSocket({ type, reuseAddr: true });
  socket.bind(sourcePort, source);
  await once(socket, 'listening');
  await new Promise<void>((resolve, reject) => {
    socket.send('hello', destinationPort, destination, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  socket.close();
}

const CTA_FILTER = 25;

/** Behaves as a kernel before 5.8, which ignores unknown attributes of a dump request. */
function withoutFilter(): NetlinkSocket {
  return over(openSocket(), (datagram) => {
    const changed = Buffer.from(datagram);
    const at = changed.indexOf(Buffer.from([CTA_FILTER, 0x80]));
    if (at === -1) return datagram;
    changed.writeUInt16LE(99 | 0x8000, at);
    return changed;
  });
}

function counting(socket: NetlinkSocket, counts: number[]): NetlinkSocket {
  const MULTI_DONE = 3;
  counts.push(0);
  return {
    ...over(socket, (datagram) => datagram),
    receive: () => {
      const datagram = socket.receive();
      for (const { type } of datagram === undefined ? [] : splitMessages(datagram)) {
        if (type !== MULTI_DONE) counts[0] = (counts[0] ?? 0) + 1;
      }
      return datagram;
    },
  };
}

function over(socket: NetlinkSocket, change: (datagram: Uint8Array) => Uint8Array): NetlinkSocket {
  return {
    get portId() {
      return socket.portId;
    },
    maxSendBytes: socket.maxSendBytes,
    send: (datagram) => socket.send(change(datagram)),
    receive: () => socket.receive(),
    join: (group) => socket.join(group),
    leave: (group) => socket.leave(group),
    close: () => socket.close(),
  };
}
