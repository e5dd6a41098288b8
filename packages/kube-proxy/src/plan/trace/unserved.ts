import { cidrContains } from '../../model/address.js';
import { type Frontend, ownerOf } from './find-frontend.js';
import type { TraceInput, TraceOutcome } from './types.js';

export interface Judgement {
  readonly steps: readonly string[];
  readonly verdict: TraceOutcome['verdict'];
}

/**
 * Decides about a packet that no Service sent to an endpoint.
 *
 * @param frontends the frontends that the packet is for, in the order of the rules; none has an
 * endpoint for it
 */
export function judgeUnserved(input: TraceInput, frontends: readonly Frontend[]): Judgement {
  const { packet, node } = input;
  const { source, destination } = packet;
  const isLoopback = (ip: string): boolean => cidrContains('127.0.0.0/8', ip);
  if (node.guardsLoopback && isLoopback(destination) && !isLoopback(source)) {
    const step = `${source} is not a loopback address, so it may not reach ${destination}: dropped`;
    return { steps: [step], verdict: 'dropped' };
  }
  if (node.firewall === 'before refusals' && frontends.some((one) => isGuarded(input, one))) {
    return GUARDED;
  }
  const steps: string[] = [];
  for (const frontend of frontends) {
    const judged = refusal(input, frontend);
    if (judged === undefined) continue;
    if (judged.verdict !== 'accepted') return { ...judged, steps: [...steps, ...judged.steps] };
    steps.push(...judged.steps);
  }
  const { steps: more, verdict } = judgeOther(input);
  return { steps: [...steps, ...more], verdict };
}

const GUARDED: Judgement = {
  steps: ['loadBalancerSourceRanges are set: packets not sent on are dropped'],
  verdict: 'dropped',
};

/**
 * True when the frontend has endpoints, but not for everyone; also when the address is an external
 * IP as well.
 */
function isGuarded({ packet }: TraceInput, { kind, view }: Frontend): boolean {
  const { hasAny, service } = view;
  const isBalancer = service.loadBalancerIps.includes(packet.destination);
  return kind !== 'node port' && hasAny && isBalancer && service.sourceRanges.length > 0;
}

function refusal(input: TraceInput, frontend: Frontend): Judgement | undefined {
  const { packet, node } = input;
  const { kind, view, answers } = frontend;
  if (node.firewall === 'among refusals' && isGuarded(input, frontend)) return GUARDED;
  const isServed = kind === 'cluster IP' ? view.hasInternal : view.hasExternal;
  if (isServed) return undefined;
  if (!answers && !node.refusesOnEveryAddress) return undefined;
  const passes = kind !== 'cluster IP' && !node.refusesToHost && packet.from === 'host';
  if (passes && !node.isOwnAddress(packet.destination)) {
    const step = "the node's own packets to such an address are not refused";
    return { steps: [step], verdict: 'accepted' };
  }
  const everywhere = answers ? '' : ', on every address of the node';
  return view.hasAny
    ? {
        steps: [`dropped${everywhere}, so that the sender tries another node`],
        verdict: 'dropped',
      }
    : { steps: [`refused at once${everywhere}`], verdict: 'rejected' };
}

/** Decides by the address alone. */
function judgeOther({ view, packet, node }: TraceInput): Judgement {
  const { destination, from } = packet;
  const isOwn = node.isOwnAddress(destination);
  if (node.guardsClusterIps && (from === 'host' || !isOwn)) {
    if (ownerOf(view, destination) === 'a cluster IP') {
      return { steps: ['other ports of cluster IPs are refused'], verdict: 'rejected' };
    }
    const range = view.serviceCidrs.find((cidr) => cidrContains(cidr, destination));
    if (range !== undefined) {
      const step = `${destination} is not a cluster IP, but inside the service range ${range}: dropped`;
      return { steps: [step], verdict: 'dropped' };
    }
  }
  const step = isOwn ? 'the packet is for this node itself' : 'the packet is routed like any other';
  return { steps: [step], verdict: 'accepted' };
}
