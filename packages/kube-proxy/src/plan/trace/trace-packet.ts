import { cidrContains, hostPort } from '../../model/address.js';
import { type Endpoint, endpointText } from '../../model/endpoint.js';
import type { ServicePort } from '../../model/service.js';
import type { NodeView } from '../node-view.js';
import { explainEndpoints } from './explain-endpoints.js';
import { findFrontend, type Frontend, isServiceAddress } from './find-frontend.js';
import type { Trace, TraceNode, TraceOutcome, TracePacket } from './types.js';

/**
 * Where the first packet of a connection goes, and why: by what Services promise, not by any mode's
 * rules. The rules of every mode must lead to the same outcomes.
 *
 * @see Kubernetes 1.36 pkg/proxy/topology.go, pkg/proxy/iptables/proxier.go
 */
export function tracePacket(view: NodeView, packet: TracePacket, node: TraceNode): Trace {
  const tracer = new Tracer(packet, node);
  const frontend = findFrontend(view, packet, node);
  const outcomes =
    frontend === undefined
      ? tracer.nobody(isServiceAddress(view, packet.destination))
      : tracer.follow(frontend);
  return { steps: tracer.steps, outcomes };
}

/** The endpoints that one packet may go to, and from whom it will seem to come. */
interface Target {
  readonly endpoints: readonly Endpoint[];
  readonly masquerade: boolean;
  readonly localOnly: boolean;
}

class Tracer {
  readonly steps: string[] = [];
  readonly #packet: TracePacket;
  readonly #node: TraceNode;

  constructor(packet: TracePacket, node: TraceNode) {
    this.#packet = packet;
    this.#node = node;
  }

  nobody(isServices: boolean): TraceOutcome[] {
    const { destination, destinationPort, protocol } = this.#packet;
    const what = `${protocol} ${hostPort(destination, destinationPort)}`;
    if (isServices) {
      this.#say(`${what}: a Service has the address, but not the port`);
      if (this.#node.otherPorts === 'refused') return this.#end('rejected');
    } else this.#say(`${what} belongs to no Service`);
    return this.#passOn();
  }

  #passOn(): TraceOutcome[] {
    const { destination } = this.#packet;
    this.#say(
      this.#node.isOwnAddress(destination)
        ? 'the packet is for this node itself'
        : 'the packet is routed as any other',
    );
    return this.#end('accepted');
  }

  follow(frontend: Frontend): TraceOutcome[] {
    const { kind, key, view } = frontend;
    const { destination, destinationPort, protocol } = this.#packet;
    const where = hostPort(destination, destinationPort);
    this.#say(`${protocol} ${where} is the ${kind} of ${key}`);
    if (!this.#node.carries(protocol)) {
      this.#say(`this mode does not carry ${protocol.toUpperCase()}`);
      return this.#passOn();
    }
    if (!view.hasAny) {
      this.#list(view.all, { endpoints: [], masquerade: false, localOnly: false });
      this.#say('no endpoint anywhere could answer: refused at once');
      return this.#end('rejected');
    }
    if (kind === 'load balancer IP' && !this.#isAdmitted(view.service)) {
      return this.#end('dropped');
    }
    const target = kind === 'cluster IP' ? this.#internal(frontend) : this.#external(frontend);
    this.#list(view.all, target);
    if (target.endpoints.length === 0) {
      this.#say('there is none on this node: dropped, so that the sender tries another node');
      return this.#end('dropped');
    }
    return this.#deliver(target, view.service);
  }

  #internal({ view }: Frontend): Target {
    const { service, cluster, local } = view;
    const policy = service.internalLocal ? 'Local' : 'Cluster';
    this.#say(`internalTrafficPolicy ${policy}: ${reach(service.internalLocal)}`);
    return {
      endpoints: service.internalLocal ? local : cluster,
      masquerade: this.#masqueradesInternal(),
      localOnly: service.internalLocal,
    };
  }

  #masqueradesInternal(): boolean {
    const { masqueradeAll, localTraffic } = this.#node;
    if (masqueradeAll) {
      this.#say('masqueradeAll: the endpoint sees this node');
      return true;
    }
    if (localTraffic === undefined) {
      this.#say('pods cannot be told from others (no detectLocal setting): the source stays');
      return false;
    }
    const fromPod = this.#isFromPod();
    this.#say(
      fromPod
        ? 'the sender is a pod of this cluster: the source stays'
        : 'the sender is no pod of this cluster: the endpoint sees this node',
    );
    return !fromPod;
  }

  #external({ view }: Frontend): Target {
    const { service, cluster, local } = view;
    if (!service.externalLocal) {
      this.#say(`externalTrafficPolicy Cluster: ${reach(false)}, and they see this node`);
      return { endpoints: cluster, masquerade: true, localOnly: false };
    }
    const { isOwnAddress } = this.#node;
    if (this.#isFromPod()) {
      this.#say('externalTrafficPolicy Local, but a pod of this cluster asks: endpoints anywhere');
      return { endpoints: cluster, masquerade: false, localOnly: false };
    }
    if (isOwnAddress(this.#packet.source)) {
      this.#say('externalTrafficPolicy Local, but this node itself asks: endpoints anywhere');
      return { endpoints: cluster, masquerade: true, localOnly: false };
    }
    this.#say(`externalTrafficPolicy Local: ${reach(true)}, and they see the sender`);
    return { endpoints: local, masquerade: false, localOnly: true };
  }

  #isAdmitted({ sourceRanges, loadBalancerIps }: ServicePort): boolean {
    const { source } = this.#packet;
    const { nodeIp } = this.#node;
    if (sourceRanges.length === 0) return true;
    const ranges = sourceRanges.join(', ');
    const isInside = sourceRanges.some((range) => cidrContains(range, source));
    const admitsNode =
      nodeIp !== undefined && sourceRanges.some((range) => cidrContains(range, nodeIp));
    const isAdmitted = isInside || (admitsNode && loadBalancerIps.includes(source));
    this.#say(
      `loadBalancerSourceRanges ${ranges} ${isAdmitted ? 'admit' : 'do not admit'} ${source}`,
    );
    return isAdmitted;
  }

  #isFromPod(): boolean {
    const { localTraffic } = this.#node;
    const { source, inInterface = '' } = this.#packet;
    switch (localTraffic?.kind) {
      case undefined:
        return false;
      case 'from-cidr':
        return cidrContains(localTraffic.cidr, source);
      case 'from-interface':
        return inInterface === localTraffic.name;
      case 'from-interface-prefix':
        return inInterface.startsWith(localTraffic.prefix) && inInterface !== '';
    }
  }

  #deliver({ endpoints, masquerade }: Target, { affinitySeconds }: ServicePort): TraceOutcome[] {
    if (affinitySeconds !== undefined) {
      this.#say(
        `sessionAffinity ClientIP: later connections of this sender go to the same endpoint, until ` +
          `${affinitySeconds} s pass without one`,
      );
    }
    const { source } = this.#packet;
    const { keepsSource } = this.#node;
    if (!keepsSource) this.#say('the proxy connects to the endpoint itself: it sees this node');
    return endpoints.map((endpoint) => {
      const isItself = endpoint.ip === source;
      if (isItself) this.#say(`${source} may reach itself: then it sees this node as the sender`);
      return {
        verdict: 'accepted',
        to: endpointText(endpoint),
        masqueraded: masquerade || isItself || !keepsSource,
        probability: 1 / endpoints.length,
      };
    });
  }

  #list(all: readonly Endpoint[], { endpoints, localOnly }: Target): void {
    this.#say(`endpoints: ${endpoints.length} of ${all.length}`);
    this.steps.push(...explainEndpoints({ all, chosen: endpoints, localOnly }, this.#node));
  }

  #end(verdict: TraceOutcome['verdict']): TraceOutcome[] {
    const { destination, destinationPort } = this.#packet;
    const to = hostPort(destination, destinationPort);
    return [{ verdict, to, masqueraded: false, probability: 1 }];
  }

  #say(step: string): void {
    this.steps.push(step);
  }
}

function reach(localOnly: boolean): string {
  return localOnly ? 'endpoints on this node only' : 'endpoints anywhere';
}
