import type { IpFamily } from '../../src/index.js';
import { hostPort } from '../../src/model/address.js';
import type { TraceOutcome } from '../../src/plan/explain/index.js';
import type { Expected, PacketCase } from './cases.js';
import { HOSTS, nodeAddresses, SERVERS } from './hosts.js';
import { TCP_PORT, UDP_PORT, type WorldObjects } from './objects.js';

/** Returns the first packet of a case's connection, in a form that any tracer accepts. */
export function packetOf(one: PacketCase, objects: WorldObjects, family: IpFamily) {
  const isNode = one.from === 'node';
  const loopback = family === 'IPv4' ? '127.0.0.1' : '::1';
  const ownAddress = 'node' in one.to && one.to.node === 'loopback' ? loopback : undefined;
  const source = one.from === 'node' ? nodeAddresses(family)[0] : HOSTS[one.from].address[family];
  return {
    from: isNode ? ('host' as const) : ('network' as const),
    protocol: one.protocol ?? 'tcp',
    source: ownAddress ?? source ?? '',
    destination: objects.address(one.to, family),
    destinationPort: one.port,
    ...(one.from === 'node' ? {} : { inInterface: HOSTS[one.from].device }),
  };
}

/**
 * @returns the difference between a tracer's answer and the wanted outcome, undefined when there is
 * none
 */
export function wrongWithTrace(
  one: PacketCase,
  want: Expected,
  { outcomes, family }: Readonly<{ outcomes: readonly TraceOutcome[]; family: IpFamily }>,
): string | undefined {
  if (outcomes.length === 0) return 'nothing traced';
  const said = outcomes.map((outcome) => meaning(outcome, family));
  if (typeof want === 'string') {
    return said.every((each) => each === want)
      ? undefined
      : `wanted "${want}", traced ${said.join(', ')}`;
  }
  const port = one.protocol === 'udp' ? UDP_PORT : TCP_PORT;
  const wanted = want.servers.map((server) =>
    hostPort(HOSTS[SERVERS[server]].address[family], port),
  );
  if (said.toSorted().join() !== wanted.toSorted().join()) {
    return `wanted ${wanted.join(', ')}, traced ${said.join(', ')}`;
  }
  const { sees } = want;
  // to a pod, the node's own packets come from the node, rewritten or not
  if (sees === undefined || one.from === 'node') return undefined;
  const wrong = outcomes.filter(({ masqueraded }) => masqueraded !== (sees === 'node'));
  return wrong.length === 0 ? undefined : `wanted the ${sees} as source, traced the other`;
}

/** Returns the outcome in the words of the cases, as the sender would see it. */
function meaning({ verdict, to }: TraceOutcome, family: IpFamily): string {
  if (verdict === 'dropped') return 'no answer';
  if (verdict === 'rejected') return 'refused';
  const isServer = Object.values(SERVERS).some((pod) => to.includes(HOSTS[pod].address[family]));
  if (isServer) return to;
  const ip = to.slice(0, to.lastIndexOf(':')).replaceAll(/[[\]]/g, '');
  const own = [...nodeAddresses(family), '127.0.0.1', '::1'];
  return own.includes(ip) ? 'refused' : 'no answer';
}
