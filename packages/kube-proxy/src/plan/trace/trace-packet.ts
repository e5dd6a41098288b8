import { hostPort } from '../../model/address.js';
import { type Endpoint, endpointText } from '../../model/endpoint.js';
import type { ServicePort } from '../../model/service.js';
import type { NodeView } from '../node-view.js';
import { explainEndpoints } from './explain-endpoints.js';
import { findFrontends, type Frontend, ownerOf } from './find-frontend.js';
import { isAdmitted, isFromLocalTraffic } from './senders.js';
import type { Trace, TraceInput, TraceNode, TraceOutcome, TracePacket } from './types.js';
import { judgeUnserved } from './unserved.js';

/**
 * Computes where the first packet of a connection goes, and why. The answer follows from the
 * promises of the Services and the mode's traits, not from its rules. The rules must lead to the
 * same outcomes; a test checks this on generated Services, settings and packets.
 *
 * @see Kubernetes 1.36 pkg/proxy/topology.go, pkg/proxy/iptables/proxier.go
 */
export function tracePacket(view: NodeView, packet: TracePacket, node: TraceNode): Trace {
  const tracer = new Tracer({ view, packet, node });
  const outcomes = tracer.run();
  return { steps: tracer.steps, outcomes };
}

/** The endpoints that one packet may go to, and the sender that they see. */
interface Target {
  readonly endpoints: readonly Endpoint[];
  readonly masquerade: boolean;
  readonly localOnly: boolean;
}

class Tracer {
  readonly steps: string[] = [];
  readonly #input: TraceInput;
  readonly #packet: TracePacket;
  readonly #node: TraceNode;

  constructor(input: TraceInput) {
    this.#input = input;
    this.#packet = input.packet;
    this.#node = input.node;
  }

  run(): TraceOutcome[] {
    const { view } = this.#input;
    const { destination, destinationPort, protocol } = this.#packet;
    const what = `${protocol} ${hostPort(destination, destinationPort)}`;
    const found = findFrontends(view, this.#packet, this.#node);
    const carried = this.#node.carries(protocol) ? found : [];
    for (const frontend of found) {
      this.#say(`${what} is the ${frontend.kind} of ${frontend.key}`);
      if (carried.length === 0) continue;
      const outcomes = this.#serve(frontend);
      if (outcomes !== undefined) return outcomes;
    }
    if (found.length > 0 && carried.length === 0) {
      this.#say(`this mode does not carry ${protocol.toUpperCase()}`);
    }
    if (found.length === 0) {
      const isServices = ownerOf(view, destination) !== undefined;
      this.#say(
        isServices
          ? `${what}: a Service has the address, but not the port`
          : `${what} belongs to no Service`,
      );
    }
    const { steps, verdict } = judgeUnserved(this.#input, carried);
    this.steps.push(...steps);
    return this.#end(verdict);
  }

  /**
   * @returns undefined when no endpoint gets the packet: other frontends and the filters come next
   */
  #serve(frontend: Frontend): TraceOutcome[] | undefined {
    const { kind, view, answers } = frontend;
    if (!answers) {
      this.#say('but node ports do not answer on this address (nodePortAddresses)');
      return undefined;
    }
    const firewallFirst = this.#node.firewall === 'first';
    const isGuarded = kind === 'load balancer IP' && view.service.sourceRanges.length > 0;
    if (isGuarded && firewallFirst && !this.#admits(view.service)) return this.#end('dropped');
    if (!view.hasAny) {
      this.#list(view.all, { endpoints: [], masquerade: false, localOnly: false });
      this.#say('no endpoint anywhere can answer');
      return undefined;
    }
    if (isGuarded && !firewallFirst && !this.#admits(view.service)) return undefined;
    const target = kind === 'cluster IP' ? this.#internal(frontend) : this.#external(frontend);
    this.#list(view.all, target);
    if (target.endpoints.length > 0) return this.#deliver(target, view.service);
    this.#say('there is none on this node');
    return undefined;
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
      this.#say('pods cannot be recognised (no detectLocal setting): the source stays');
      return false;
    }
    const fromPod = isFromLocalTraffic(localTraffic, this.#packet);
    this.#say(
      fromPod
        ? 'the sender is a pod of this cluster: the source stays'
        : 'the sender is not a pod of this cluster: the endpoint sees this node',
    );
    return !fromPod;
  }

  #external({ view }: Frontend): Target {
    const { service, cluster, local } = view;
    if (!service.externalLocal) {
      this.#say(`externalTrafficPolicy Cluster: ${reach(false)}, and they see this node`);
      return { endpoints: cluster, masquerade: true, localOnly: false };
    }
    const { isOwnAddress, localTraffic } = this.#node;
    if (localTraffic !== undefined && isFromLocalTraffic(localTraffic, this.#packet)) {
      this.#say(
        'externalTrafficPolicy Local, but the sender is a pod of this cluster: endpoints anywhere',
      );
      return { endpoints: cluster, masquerade: false, localOnly: false };
    }
    if (isOwnAddress(this.#packet.source)) {
      this.#say(
        'externalTrafficPolicy Local, but the sender is this node itself: endpoints anywhere',
      );
      return { endpoints: cluster, masquerade: true, localOnly: false };
    }
    this.#say(`externalTrafficPolicy Local: ${reach(true)}, and they see the sender`);
    return { endpoints: local, masquerade: false, localOnly: true };
  }

  #admits(service: ServicePort): boolean {
    const { source } = this.#packet;
    const admits = isAdmitted(service, source, this.#node);
    const ranges = service.sourceRanges.join(', ');
    this.#say(`loadBalancerSourceRanges ${ranges} ${admits ? 'admit' : 'do not admit'} ${source}`);
    return admits;
  }

  #deliver({ endpoints, masquerade }: Target, { affinitySeconds }: ServicePort): TraceOutcome[] {
    if (affinitySeconds !== undefined) {
      this.#say(
        `sessionAffinity ClientIP: later connections of this sender go to the same endpoint, until ` +
          `${affinitySeconds} s pass without one`,
      );
    }
    const { keepsSource } = this.#node;
    if (!keepsSource) this.#say('the proxy connects to the endpoint itself: it sees this node');
    return endpoints.map((endpoint) => ({
      verdict: 'accepted',
      to: endpointText(endpoint),
      masqueraded: !keepsSource || this.#seesNode(endpoint, masquerade),
      probability: 1 / endpoints.length,
    }));
  }

  #seesNode(endpoint: Endpoint, masquerade: boolean): boolean {
    const { source, from } = this.#packet;
    const { isOwnAddress, keepsSource } = this.#node;
    const isItself = endpoint.ip === source;
    const rewrites = isItself && this.#node.masqueradesToItself(endpoint);
    if (isItself && keepsSource) {
      const sees = rewrites || masquerade ? 'this node as the sender' : 'its own address as sender';
      this.#say(`${source} may reach itself: then it sees ${sees}`);
    }
    if (!masquerade && !rewrites) return false;
    // a packet for the node itself skips postrouting
    const staysHere = from === 'network' && isOwnAddress(endpoint.ip);
    if (staysHere) {
      this.#say(`${endpointText(endpoint)} is on the node's own network: it sees the sender`);
    }
    return !staysHere;
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
