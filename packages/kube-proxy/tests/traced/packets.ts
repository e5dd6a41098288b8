import fc from 'fast-check';

import type { TracePacket } from '../../src/plan/explain/index.js';
import { nodePortOf, type Places, type Sender, SERVICE_PORTS } from './places.js';
import type { ServiceSketch } from './worlds.js';

/**
 * Numbers that choose among a world's objects, so that most packets concern one of its Services.
 */
export type PacketSketch = typeof packet extends fc.Arbitrary<infer T> ? T : never;

const any = fc.nat(59);

export const packet = fc.record({
  to: fc.constantFrom(
    ...(['cluster', 'external', 'balancer', 'balancer', 'node port', 'node port'] as const),
    ...(['own address', 'other port', 'elsewhere'] as const),
  ),
  from: fc.constantFrom(
    ...(['anyone', 'anyone', 'anyone', 'an endpoint', 'a balancer', 'the host'] as const),
  ),
  service: any,
  port: any,
  address: any,
  sender: any,
});

export function packetOf(
  sketch: PacketSketch,
  services: readonly ServiceSketch[],
  places: Places,
): TracePacket {
  const i = sketch.service % services.length;
  const service = services[i];
  if (service === undefined) throw new Error('a world without Services');
  const at = sketch.port % service.ports.length;
  const { port: servicePort, protocol } = pick(service.ports, at);
  const addresses = {
    external: service.externalIPs.length > 0 ? service.externalIPs : places.external,
    balancer: service.ingress.length > 0 ? service.ingress.map(({ ip }) => ip) : places.balancers,
  };
  const own = [...places.node, ...places.loopback];
  const to = (destination: string, destinationPort: number): TracePacket => ({
    ...senderOf(sketch, service, places),
    protocol: protocol.toLowerCase(),
    destination,
    destinationPort,
  });
  switch (sketch.to) {
    case 'cluster':
      return to(places.clusterIp(i), servicePort);
    case 'external':
    case 'balancer':
      return to(pick(addresses[sketch.to], sketch.address), servicePort);
    case 'node port':
      return to(pick(own, sketch.address), nodePortOf(i, at));
    case 'own address':
      return to(pick(own, sketch.address), pick([...SERVICE_PORTS, 31_000 + i], sketch.port));
    case 'other port': {
      const all = [places.clusterIp(i), ...addresses.external, ...addresses.balancer];
      return to(pick(all, sketch.address), pick([81, ...SERVICE_PORTS], sketch.port));
    }
    case 'elsewhere':
      return to(pick(places.others, sketch.address), pick([80, 8080], sketch.port));
  }
}

function senderOf({ from, sender }: PacketSketch, service: ServiceSketch, places: Places): Sender {
  const inside = places.senders.filter((one) => one.from === 'host');
  switch (from) {
    case 'anyone':
      return pick(places.senders, sender);
    case 'the host':
      return pick(inside, sender);
    case 'an endpoint': {
      const { endpoints } = service;
      if (endpoints.length === 0) return pick(places.senders, sender);
      const { ip } = pick(endpoints, sender);
      return places.senders.find(({ source }) => source === ip) ?? pick(places.senders, sender);
    }
    case 'a balancer': {
      const ips = service.ingress.map(({ ip }) => ip);
      const source = pick([...ips, ...places.balancers], sender);
      const known = inside.find((one) => one.source === source);
      return known ?? { from: 'network', source, inInterface: 'eth0' };
    }
  }
}

function pick<T>(list: readonly T[], at: number): T {
  const found = list[at % list.length];
  if (found === undefined) throw new Error('nothing to choose from');
  return found;
}
