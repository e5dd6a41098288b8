import type { Match, Rule } from '@nodeagent/netfilter';

import type { ServicePort } from '../../model/service.js';
import { isExternallyReachable } from '../../model/service.js';
import type { PortView } from '../node-view.js';
import { CHAIN, COUNTER, type ServiceChains, serviceChains } from './names.js';
import type { RuleSettings } from './settings.js';

export interface PlacedRule {
  readonly chain: string;
  readonly rule: Rule;
}

/** The rules of one port in chains that all Services share; every sync writes them. */
export interface DispatchRules {
  readonly filter: readonly PlacedRule[];
  readonly nat: readonly PlacedRule[];
}

export function comment(text: string): Match {
  return { kind: 'comment', text };
}

export function jump(chain: string, ...matches: readonly Match[]): Rule {
  return { matches, target: { kind: 'jump', chain } };
}

/** Matches `-m tcp -p tcp`. */
export function protocolMatch({ protocol }: ServicePort): Match {
  return { kind: 'protocol', protocol: protocol.toLowerCase() };
}

/** Chains that this port's traffic may use now. */
export interface UsedChains extends ServiceChains {
  /** Chain for traffic to the cluster IP. */
  readonly internalPolicy: string;
  /** Chain for traffic from outside. */
  readonly externalPolicy: string;
  readonly usesExternal: boolean;
  readonly usesFirewall: boolean;
}

export function usedChains({ service, hasAny }: PortView): UsedChains {
  const chains = serviceChains(service);
  return {
    ...chains,
    internalPolicy: service.internalLocal ? chains.local : chains.cluster,
    externalPolicy: service.externalLocal ? chains.local : chains.cluster,
    usesExternal: hasAny && isExternallyReachable(service),
    usesFirewall: hasAny && service.loadBalancerIps.length > 0 && service.sourceRanges.length > 0,
  };
}

/**
 * Plans the rules that send packets for the port's addresses to its chains, or refuse them.
 *
 * @see Kubernetes 1.36 pkg/proxy/iptables/proxier.go, syncProxyRules
 */
export function planDispatch(view: PortView, settings: RuleSettings): DispatchRules {
  const filter: PlacedRule[] = [];
  const nat: PlacedRule[] = [];
  const { service, hasAny, hasInternal, hasExternal } = view;
  const chains = usedChains(view);
  const refuse = refusal(view);
  const to = (ip: string): Match[] => [
    protocolMatch(service),
    { kind: 'destination', network: ip },
    { kind: 'destination-port', port: service.port },
  ];
  const dispatch = (what: string, ip: string, chain: string): void => {
    const rule = jump(chain, comment(`${service.label} ${what}`), ...to(ip));
    nat.push({ chain: CHAIN.services, rule });
  };
  const refuseOutside = (...matches: Match[]): void => {
    if (!hasExternal) filter.push({ chain: CHAIN.externalServices, rule: refuse(...matches) });
  };

  if (hasInternal) dispatch('cluster IP', service.clusterIp, chains.internalPolicy);
  else filter.push({ chain: CHAIN.services, rule: refuse(...to(service.clusterIp)) });

  for (const ip of service.externalIps) {
    if (hasAny) dispatch('external IP', ip, chains.external);
    refuseOutside(...to(ip));
  }
  const loadBalancerTarget = chains.usesFirewall ? chains.firewall : chains.external;
  for (const ip of service.loadBalancerIps) {
    if (hasAny) dispatch('loadbalancer IP', ip, loadBalancerTarget);
    if (!chains.usesFirewall) continue;
    const why = comment(`${service.label} traffic not accepted by ${chains.firewall}`);
    const rule: Rule = { matches: [why, ...to(ip)], target: { kind: 'drop' } };
    filter.push({ chain: CHAIN.proxyFirewall, rule });
  }
  for (const ip of service.loadBalancerIps) refuseOutside(...to(ip));

  if (service.nodePort !== 0) {
    nat.push(...nodePortRules(view, settings, chains.external));
    const port: Match = { kind: 'destination-port', port: service.nodePort };
    refuseOutside({ kind: 'destination-type', type: 'LOCAL' }, protocolMatch(service), port);
  }
  if (service.healthCheckNodePort !== 0) {
    filter.push({ chain: CHAIN.nodePorts, rule: healthCheckRule(service) });
  }
  return { filter, nat };
}

/**
 * Without any endpoint, clients get a refusal at once; with endpoints elsewhere, they time out and
 * retry.
 */
function refusal({ service, hasAny }: PortView): (...matches: Match[]) => Rule {
  const what = hasAny ? 'no local endpoints' : 'no endpoints';
  const why = comment(`${service.label} has ${what}`);
  return (...matches) => {
    return { matches: [why, ...matches], target: { kind: hasAny ? 'drop' : 'reject' } };
  };
}

function nodePortRules(
  { service, hasAny }: PortView,
  { localhostNodePorts, counters }: RuleSettings,
  target: string,
): PlacedRule[] {
  if (!hasAny) return [];
  const start = [comment(service.label), protocolMatch(service)];
  const port: Match = { kind: 'destination-port', port: service.nodePort };
  const rules = [jump(target, ...start, port)];
  if (localhostNodePorts && counters.localhostNodePorts) {
    const loopback: Match = { kind: 'destination', network: '127.0.0.0/8' };
    const count: Match = { kind: 'count', counter: COUNTER.localhostNodePorts };
    rules.unshift(jump(target, ...start, loopback, port, count));
  }
  return rules.map((rule) => ({ chain: CHAIN.nodePorts, rule }));
}

function healthCheckRule({ label, healthCheckNodePort }: ServicePort): Rule {
  const matches: Match[] = [
    comment(`${label} health check node port`),
    { kind: 'protocol', protocol: 'tcp' },
    { kind: 'destination-port', port: healthCheckNodePort },
  ];
  return { matches, target: { kind: 'accept' } };
}
