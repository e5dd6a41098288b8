import type { NftElement, NftRule, NftSet, NftVerdict } from '@nodeagent/netfilter/nftables';

import { cidrContains } from '../../model/address.js';
import { type Endpoint, has, LOCAL } from '../../model/endpoint.js';
import type { ServicePort } from '../../model/service.js';
import type { PortView } from '../node-view.js';
import { type Choice, choiceName, shortcuts } from './choice-chains.js';
import { AFFINITY_PREFIX, endpointName, serviceName } from './names.js';
import { SETS } from './sets.js';
import type { NftSettings } from './settings.js';
import { type FilledChain, REJECT_CHAIN } from './static-chains.js';

export interface SetElement {
  readonly set: NftSet;
  readonly element: NftElement;
}

/** Everything that one Service port needs in the table. */
export interface PortObjects {
  /** Elements that only this port needs. */
  readonly elements: readonly SetElement[];
  /** Elements that other ports may need too. */
  readonly shared: readonly SetElement[];
  readonly choices: readonly Choice[];
  readonly chains: readonly FilledChain[];
  /** Sets for affinity. */
  readonly sets: readonly NftSet[];
}

/** One address and port, or port of the node, at which a Service port is reached. */
export type Frontend = Readonly<{
  kind: 'cluster' | 'external' | 'balancer' | 'node';
  /** Empty for node ports. */
  ip: string;
  port: number;
}>;

export interface PortInput {
  readonly view: PortView;
  /** `view.cluster` and `view.local` in the order of their numbers. */
  readonly cluster: readonly Endpoint[];
  readonly local: readonly Endpoint[];
  /** Frontends that this port owns; the first port that asks for a frontend owns it. */
  readonly frontends: readonly Frontend[];
}

export function frontendsOf(service: ServicePort): readonly Frontend[] {
  const { clusterIp, externalIps, loadBalancerIps, nodePort, port } = service;
  const at = (kind: Frontend['kind'], ip: string): Frontend => ({ kind, ip, port });
  const found: Frontend[] = [at('cluster', clusterIp)];
  for (const ip of externalIps) if (ip !== clusterIp) found.push(at('external', ip));
  for (const ip of loadBalancerIps) {
    if (ip !== clusterIp && !externalIps.includes(ip)) found.push(at('balancer', ip));
  }
  if (nodePort !== 0) found.push({ kind: 'node', ip: '', port: nodePort });
  return found;
}

/** Returns the text that identifies a frontend: `10.96.0.1 TCP 80`. */
export function frontendText({ ip, port }: Frontend, { protocol }: ServicePort): string {
  return `${ip} ${protocol} ${port}`;
}

/**
 * Pure: the same input gives the same objects, so a port's contents in the kernel can be computed
 * again instead of being stored.
 */
export function planPort(input: PortInput, settings: NftSettings): PortObjects {
  return new PortPlanner(input, settings).plan();
}

class PortPlanner {
  readonly #input: PortInput;
  readonly #settings: NftSettings;
  readonly #service: ServicePort;
  readonly #protocol: string;
  readonly #elements: SetElement[] = [];
  readonly #shared: SetElement[] = [];
  readonly #choices: Choice[] = [];
  readonly #chains: FilledChain[] = [];
  readonly #sets: NftSet[] = [];

  constructor(input: PortInput, settings: NftSettings) {
    this.#input = input;
    this.#settings = settings;
    this.#service = input.view.service;
    this.#protocol = this.#service.protocol.toLowerCase();
  }

  plan(): PortObjects {
    const { view, frontends } = this.#input;
    if (this.#isSticky) this.#affinityChains();
    for (const frontend of frontends) this.#frontend(frontend);
    for (const endpoint of view.reachable) {
      if (!has(endpoint, LOCAL)) continue;
      const key = [endpoint.ip, endpoint.ip, this.#protocol, endpoint.port];
      this.#shared.push({ set: SETS.hairpin, element: { key } });
    }
    return {
      elements: this.#elements,
      shared: this.#shared,
      choices: this.#choices,
      chains: this.#chains,
      sets: this.#sets,
    };
  }

  get #isSticky(): boolean {
    return this.#service.affinitySeconds !== undefined && this.#input.view.hasAny;
  }

  #frontend(frontend: Frontend): void {
    const { view } = this.#input;
    const { kind, ip } = frontend;
    if (kind === 'cluster') {
      this.#shared.push({ set: SETS.clusterIps, element: { key: [ip] } });
      if (view.hasInternal) this.#serve(frontend, this.#internalChoice());
      else this.#refuse(frontend);
      return;
    }
    if (view.hasAny) this.#serve(frontend, this.#externalChoice(kind));
    if (!view.hasExternal) this.#refuse(frontend);
    const { sourceRanges } = this.#service;
    if (kind === 'balancer' && sourceRanges.length > 0) this.#guard(frontend);
  }

  #internalChoice(): Choice {
    const { cluster, local } = this.#input;
    const list = this.#service.internalLocal ? local : cluster;
    return { to: 'address', way: 'any', count: list.length };
  }

  #externalChoice(kind: Frontend['kind']): Choice {
    const { cluster, local } = this.#input;
    const to = kind === 'node' ? 'node-port' : 'address';
    if (!this.#service.externalLocal) return { to, way: 'masqueraded', count: cluster.length };
    return { to, way: 'policy', count: cluster.length, localCount: local.length };
  }

  #serve(frontend: Frontend, choice: Choice): void {
    const isNode = frontend.kind === 'node';
    const map = isNode ? SETS.serviceNodePorts : SETS.serviceIps;
    if (this.#isSticky) {
      const isLocal = this.#service.internalLocal;
      const prefix = frontend.kind !== 'cluster' ? 'external' : isLocal ? 'local' : 'service';
      const chain = `${prefix}-${serviceName(this.#service)}`;
      this.#elements.push(this.#element(map, frontend, { kind: 'goto', chain }));
      return;
    }
    this.#choices.push(choice);
    const { cluster, local } = this.#input;
    const staysHere = frontend.kind === 'cluster' && this.#service.internalLocal;
    const [all, here] = isNode
      ? [SETS.nodePortEndpoints, SETS.localNodePortEndpoints]
      : [SETS.endpoints, SETS.localEndpoints];
    this.#number(all, frontend, staysHere ? local : cluster);
    if (choice.way === 'policy') this.#number(here, frontend, local);
    const goto = { kind: 'goto', chain: choiceName(choice) } as const;
    this.#elements.push(this.#element(map, frontend, goto));
  }

  #number(set: NftSet, frontend: Frontend, endpoints: readonly Endpoint[]): void {
    const [first, second, third] = this.#key(frontend);
    if (first === undefined || second === undefined) return;
    endpoints.forEach(({ ip, port }, index) => {
      const key = third === undefined ? [first, second, index] : [first, second, third, index];
      this.#elements.push({ set, element: { key, data: [ip, port] } });
    });
  }

  /** Refuses at once when there is no endpoint at all; drops when there are endpoints elsewhere. */
  #refuse(frontend: Frontend): void {
    const map = frontend.kind === 'node' ? SETS.noEndpointNodePorts : SETS.noEndpointServices;
    const verdict = this.#input.view.hasAny
      ? ({ kind: 'drop' } as const)
      : ({ kind: 'goto', chain: REJECT_CHAIN } as const);
    this.#elements.push(this.#element(map, frontend, verdict));
  }

  #guard(frontend: Frontend): void {
    const { sourceRanges, loadBalancerIps } = this.#service;
    const { nodeIp } = this.#settings;
    const name = `firewall-${serviceName(this.#service)}`;
    const holdsNode =
      nodeIp !== undefined && sourceRanges.some((range) => cidrContains(range, nodeIp));
    const allowed = holdsNode ? [...sourceRanges, ...loadBalancerIps] : sourceRanges;
    if (!this.#chains.some(({ chain }) => chain.name === name)) {
      const rules: readonly NftRule[] = [
        ...allowed.map((network) => ({
          steps: [{ kind: 'source', network }, { kind: 'return' }] as const,
        })),
        { steps: [{ kind: 'drop' }] },
      ];
      this.#chains.push({ chain: { name }, rules });
    }
    this.#elements.push(this.#element(SETS.firewallIps, frontend, { kind: 'goto', chain: name }));
  }

  #element(set: NftSet, frontend: Frontend, verdict: NftVerdict): SetElement {
    return { set, element: { key: this.#key(frontend), data: verdict } };
  }

  #key({ kind, ip, port }: Frontend): readonly (string | number)[] {
    return kind === 'node' ? [this.#protocol, port] : [ip, this.#protocol, port];
  }

  /**
   * Plans one chain and one set of clients per endpoint, so that the set disappears with its
   * endpoint.
   */
  #affinityChains(): void {
    const { view, cluster, local, frontends } = this.#input;
    const name = serviceName(this.#service);
    for (const endpoint of view.reachable) this.#endpointChain(endpoint);
    if (cluster.length > 0) this.#chains.push(this.#stickyChain(`service-${name}`, cluster));
    if (local.length > 0) this.#chains.push(this.#stickyChain(`local-${name}`, local));
    if (frontends.every(({ kind }) => kind === 'cluster')) return;
    const any = { kind: 'goto', chain: `service-${name}` } as const;
    const { externalLocal } = this.#service;
    const bits = this.#settings.masqueradeMark;
    const rules: readonly NftRule[] = externalLocal
      ? [
          ...(cluster.length > 0 ? shortcuts(this.#settings, any) : []),
          ...(local.length > 0
            ? [{ steps: [{ kind: 'goto', chain: `local-${name}` }] as const }]
            : []),
        ]
      : [{ steps: [{ kind: 'set-mark', bits }, any], comment: 'masquerade' }];
    this.#chains.push({ chain: { name: `external-${name}` }, rules });
  }

  #endpointChain(endpoint: Endpoint): void {
    const name = endpointName(this.#service, endpoint);
    const set = `${AFFINITY_PREFIX}${name}`;
    const timeoutMs = (this.#service.affinitySeconds ?? 0) * 1000;
    this.#sets.push({ name: set, key: ['address'], timeoutMs });
    this.#chains.push({
      chain: { name: `endpoint-${name}` },
      rules: [
        { steps: [{ kind: 'remember-source', set }] },
        {
          steps: [
            { kind: 'protocol', protocol: this.#protocol },
            { kind: 'dnat', address: endpoint.ip, port: endpoint.port },
          ],
        },
      ],
    });
  }

  #stickyChain(name: string, endpoints: readonly Endpoint[]): FilledChain {
    const names = endpoints.map((endpoint) => endpointName(this.#service, endpoint));
    const goto = (endpoint: string) => ({ kind: 'goto', chain: `endpoint-${endpoint}` }) as const;
    const rules: readonly NftRule[] = [
      ...names.map((endpoint) => ({
        steps: [
          { kind: 'in-set', key: ['source'], set: `${AFFINITY_PREFIX}${endpoint}` } as const,
          goto(endpoint),
        ],
      })),
      ...names.map((endpoint, i) => ({
        steps:
          i === names.length - 1
            ? [goto(endpoint)]
            : [{ kind: 'chance', in: names.length - i } as const, goto(endpoint)],
      })),
    ];
    return { chain: { name }, rules };
  }
}
