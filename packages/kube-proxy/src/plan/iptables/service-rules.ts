import { evenChance, type Match, type Rule } from '@nodeagent/netfilter';

import { cidrContains } from '../../model/address.js';
import { type Endpoint, endpointText } from '../../model/endpoint.js';
import { usesClusterEndpoints, usesLocalEndpoints } from '../../model/service.js';
import type { PortView } from '../node-view.js';
import {
  comment,
  jump,
  type PlacedRule,
  protocolMatch,
  type UsedChains,
  usedChains,
} from './dispatch-rules.js';
import { CHAIN, endpointChain } from './names.js';
import { fromLocalTraffic, type SyncSettings } from './settings.js';

/** Returns the port's own chains, in the order in which they are declared. */
export function planChains(view: PortView): readonly string[] {
  const chains = usedChains(view);
  return [
    ...(chains.usesExternal ? [chains.external] : []),
    ...(chains.usesFirewall ? [chains.firewall] : []),
    ...(usesClusterChain(view) ? [chains.cluster] : []),
    ...(usesLocalChain(view) ? [chains.local] : []),
    ...view.reachable.map((endpoint) => endpointChain(view.service, endpointText(endpoint))),
  ];
}

function usesClusterChain({ service, cluster }: PortView): boolean {
  return cluster.length > 0 && usesClusterEndpoints(service);
}

function usesLocalChain({ service, local }: PortView): boolean {
  return local.length > 0 && usesLocalEndpoints(service);
}

/**
 * Plans the content of the port's own chains; written only when the port changed.
 *
 * @see Kubernetes 1.36 pkg/proxy/iptables/proxier.go, syncProxyRules
 */
export function planServiceRules(view: PortView, settings: SyncSettings): readonly PlacedRule[] {
  const chains = usedChains(view);
  const chainOf = endpointChains(view);
  const rules: PlacedRule[] = [];
  if (view.hasInternal) rules.push(...clusterIpMasquerade(view, chains, settings));
  if (chains.usesExternal) rules.push(...externalRules(view, chains, settings));
  if (chains.usesFirewall) rules.push(...firewallRules(view, chains, settings));
  const balance = (chain: string, endpoints: readonly Endpoint[]): void => {
    for (const rule of balanceRules(view, { endpoints, chainOf, settings })) {
      rules.push({ chain, rule });
    }
  };
  if (usesClusterChain(view)) balance(chains.cluster, view.cluster);
  if (usesLocalChain(view)) balance(chains.local, view.local);
  for (const endpoint of view.reachable) {
    const chain = chainOf(endpoint);
    for (const rule of endpointRules(view, { endpoint, chain, settings })) {
      rules.push({ chain, rule });
    }
  }
  return rules;
}

/** Counts the rules of {@link planServiceRules} without creating them. */
export function countServiceRules(view: PortView, settings: SyncSettings): number {
  const { service, cluster, local, reachable } = view;
  const chains = usedChains(view);
  const perEndpoint = service.affinitySeconds === undefined ? 1 : 2;
  return (
    (view.hasInternal ? clusterIpMasquerade(view, chains, settings).length : 0) +
    (chains.usesExternal ? externalRules(view, chains, settings).length : 0) +
    (chains.usesFirewall ? firewallRules(view, chains, settings).length : 0) +
    (usesClusterChain(view) ? cluster.length * perEndpoint : 0) +
    (usesLocalChain(view) ? local.length * perEndpoint : 0) +
    reachable.length * 2
  );
}

/** A chain's name costs a hash: each is computed once per port. */
function endpointChains({ service }: PortView): (endpoint: Endpoint) => string {
  const known = new Map<Endpoint, string>();
  return (endpoint) => {
    const name = known.get(endpoint) ?? endpointChain(service, endpointText(endpoint));
    known.set(endpoint, name);
    return name;
  };
}

function clusterIpMasquerade(
  { service }: PortView,
  { internalPolicy }: UsedChains,
  { masqueradeAll, localTraffic }: SyncSettings,
): PlacedRule[] {
  if (!masqueradeAll && localTraffic === undefined) return [];
  const outside =
    masqueradeAll || localTraffic === undefined ? [] : [fromLocalTraffic(localTraffic, true)];
  const rule = jump(
    CHAIN.markMasquerade,
    comment(`${service.label} cluster IP`),
    protocolMatch(service),
    { kind: 'destination', network: service.clusterIp },
    { kind: 'destination-port', port: service.port },
    ...outside,
  );
  return [{ chain: internalPolicy, rule }];
}

function externalRules(
  { service, hasExternal }: PortView,
  { external, cluster, externalPolicy }: UsedChains,
  { localTraffic }: SyncSettings,
): PlacedRule[] {
  const about = (what: string): Match =>
    comment(`${what} for ${service.label} external destinations`);
  const rules: Rule[] = [];
  if (service.externalLocal) {
    const fromHost: Match = { kind: 'source-type', type: 'LOCAL' };
    if (localTraffic !== undefined) {
      rules.push(jump(cluster, about('pod traffic'), fromLocalTraffic(localTraffic)));
    }
    rules.push(
      jump(CHAIN.markMasquerade, about('masquerade LOCAL traffic'), fromHost),
      jump(cluster, about('route LOCAL traffic'), fromHost),
    );
  } else {
    rules.push(jump(CHAIN.markMasquerade, about('masquerade traffic')));
  }
  if (hasExternal) rules.push(jump(externalPolicy));
  return rules.map((rule) => ({ chain: external, rule }));
}

function firewallRules(
  { service }: PortView,
  { firewall, external }: UsedChains,
  { nodeIp }: SyncSettings,
): PlacedRule[] {
  const { label, sourceRanges, loadBalancerIps } = service;
  const admitsNode =
    nodeIp !== undefined && sourceRanges.some((range) => cidrContains(range, nodeIp));
  const sources = [...sourceRanges, ...(admitsNode ? loadBalancerIps : [])];
  const admitted = sources.map((network) =>
    jump(external, comment(`${label} loadbalancer IP`), { kind: 'source', network }),
  );
  const rest = comment(`other traffic to ${label} will be dropped by ${CHAIN.proxyFirewall}`);
  return [...admitted, { matches: [rest] }].map((rule) => ({ chain: firewall, rule }));
}

interface BalanceInput {
  readonly endpoints: readonly Endpoint[];
  readonly chainOf: (endpoint: Endpoint) => string;
  readonly settings: SyncSettings;
}

function balanceRules({ service }: PortView, input: BalanceInput): Rule[] {
  const { endpoints, chainOf, settings } = input;
  const about = (endpoint: Endpoint): Match[] =>
    settings.comments ? [comment(`${service.label} -> ${endpointText(endpoint)}`)] : [];
  const { affinitySeconds } = service;
  const remembered =
    affinitySeconds === undefined
      ? []
      : endpoints.map((endpoint): Rule => {
          const list = chainOf(endpoint);
          const known = {
            kind: 'source-remembered',
            list,
            withinSeconds: affinitySeconds,
          } as const;
          return jump(list, ...about(endpoint), known);
        });
  const chosen = endpoints.map((endpoint, i): Rule => {
    const chance = evenChance(i, endpoints.length);
    const matches = chance === undefined ? about(endpoint) : [...about(endpoint), chance];
    return jump(chainOf(endpoint), ...matches);
  });
  return [...remembered, ...chosen];
}

interface EndpointInput {
  readonly endpoint: Endpoint;
  readonly chain: string;
  readonly settings: SyncSettings;
}

function endpointRules(
  { service }: PortView,
  { endpoint, chain, settings }: EndpointInput,
): Rule[] {
  const about: Match[] = settings.comments ? [comment(service.label)] : [];
  const remember: Match[] =
    service.affinitySeconds === undefined ? [] : [{ kind: 'remember-source', list: chain }];
  return [
    jump(CHAIN.markMasquerade, ...about, { kind: 'source', network: endpoint.ip }),
    {
      matches: [...about, ...remember, protocolMatch(service)],
      target: { kind: 'dnat', to: endpointText(endpoint) },
    },
  ];
}
