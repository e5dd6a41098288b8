import { formatEndpoint } from '../model/address.js';
import { type DestinationId, destinationKey, type Forwarding } from '../model/destination.js';
import { type Service, serviceFamily } from '../model/service.js';
import {
  type DestinationState,
  RATE_NAMES,
  type RateName,
  type ServiceState,
  type Statistics,
} from '../model/state.js';
import type { VirtualServer } from '../plan/diff.js';
import { flagName, formatMask } from './ipvsadm.js';

type Observed = VirtualServer<ServiceState, DestinationState>;

/** Renders the table for people, in the layout of `ipvsadm -Ln`. */
export function renderTable(servers: readonly Observed[]): string {
  const lines = [
    'Prot LocalAddress:Port Scheduler Flags',
    '  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn',
  ];
  for (const { service, destinations } of servers) {
    lines.push(`${serviceName(service)} ${service.scheduler}${serviceNotes(service)}`);
    for (const destination of destinations) {
      const { forwarding, weight, activeConnections, inactiveConnections } = destination;
      const cells = [
        `  -> ${destinationKey(destination).padEnd(28)}`,
        forwardingName(forwarding).padEnd(7),
        String(weight).padEnd(6),
        String(activeConnections).padEnd(10),
        String(inactiveConnections).padEnd(10),
      ];
      lines.push(cells.join(' '));
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

const HEADINGS: Readonly<Record<RateName, string>> = {
  connections: 'Conns',
  packetsIn: 'InPkts',
  packetsOut: 'OutPkts',
  bytesIn: 'InBytes',
  bytesOut: 'OutBytes',
};

/**
 * Renders rates of the last seconds, or totals, as `ipvsadm -Ln --rate` and `--stats --exact` show
 * them.
 */
export function renderStatistics(servers: readonly Observed[], what: 'rates' | 'totals'): string {
  const unit = what === 'rates' ? '/s' : '';
  const row = (name: string, cells: readonly string[]) =>
    `${name.padEnd(36)}${cells.map((cell) => cell.padStart(12)).join('')}`;
  const numbers = (statistics: Statistics) =>
    RATE_NAMES.map((name) => String(what === 'rates' ? statistics.rates[name] : statistics[name]));
  const lines = [
    row(
      'Prot LocalAddress:Port',
      RATE_NAMES.map((name) => `${HEADINGS[name]}${unit}`),
    ),
    '  -> RemoteAddress:Port',
  ];
  for (const { service, destinations } of servers) {
    lines.push(row(serviceName(service), numbers(service.statistics)));
    for (const destination of destinations) {
      lines.push(row(`  -> ${destinationKey(destination)}`, numbers(destination.statistics)));
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Sorts as ipvsadm does: by protocol, address and port; the kernel's order has no meaning. */
export function sortServers<V extends VirtualServer>(servers: readonly V[]): readonly V[] {
  const byName = <T>(list: readonly T[], name: (item: T) => string): T[] =>
    list
      .map((item) => [name(item), item] as const)
      .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
      .map(([, item]) => item);
  const sorted = servers.map((server) => ({
    ...server,
    destinations: byName<DestinationId>(server.destinations, destinationKey),
  }));
  return byName(sorted as V[], ({ service }) => sortKey(service));
}

function sortKey(service: Service): string {
  const order = { TCP: 0, UDP: 1, SCTP: 2, FWM: 3 };
  const name = serviceName(service);
  const kind = name.split(' ')[0] as keyof typeof order;
  return `${order[kind]} ${serviceFamily(service.id)} ${name}`;
}

function serviceName({ id }: Service): string {
  if (id.kind === 'mark') return `FWM  ${id.mark}${id.family === 'IPv6' ? ' IPv6' : ''}`;
  return `${id.protocol.toUpperCase().padEnd(4)} ${formatEndpoint(id.address, id.port)}`;
}

function serviceNotes(service: Service): string {
  const { id, scheduler, persistence, persistenceEngine, onePacket, schedulerFlags } = service;
  const words: string[] = [];
  const flags = schedulerFlags.map((flag) => flagName(scheduler, flag)).join();
  if (flags !== '') words.push(`(${flags})`);
  if (persistence !== undefined) {
    words.push(`persistent ${persistence.timeoutSeconds}`);
    const mask = formatMask(serviceFamily(id) === 'IPv4', persistence.prefixLength);
    if (mask !== undefined) words.push(`mask ${mask}`);
  }
  if (persistenceEngine !== undefined) words.push(`pe ${persistenceEngine}`);
  if (onePacket) words.push('ops');
  return words.map((word) => ` ${word}`).join('');
}

function forwardingName(forwarding: Forwarding): string {
  if (typeof forwarding !== 'string') return 'Tunnel';
  return { masquerade: 'Masq', direct: 'Route', local: 'Local', bypass: 'Bypass' }[forwarding];
}
