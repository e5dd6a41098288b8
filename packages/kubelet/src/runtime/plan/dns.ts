import type { DnsConfig } from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import { podLabel, podNamespace } from '../../pod/index.js';

export interface ResolvConf {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface DnsSettings {
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  /** The host's configuration; undefined if the kubelet is configured to use none. */
  readonly host: ResolvConf | undefined;
  /** For pods that use the host's resolver if the host has no resolv.conf. */
  readonly loopbacks: readonly string[];
}

export interface PodDns {
  readonly config: Required<DnsConfig>;
  /** Reason and text of an event for each problem that users should know. */
  readonly warnings: readonly DnsWarning[];
}

export interface DnsWarning {
  readonly reason: string;
  readonly message: string;
  /** Text of an event on the node. */
  readonly nodeMessage?: string;
}

const MAX_SERVERS = 3;
const MAX_SEARCHES = 32;
const MAX_SEARCH_CHARS = 2048;
const MAX_SEARCH_NAME = 253;

/**
 * The resolver configuration of a pod.
 *
 * @see Kubernetes 1.36 pkg/kubelet/network/dns/dns.go
 */
export function podDns(pod: Pod, settings: DnsSettings): PodDns {
  const { clusterDns, clusterDomain } = settings;
  const warnings: DnsWarning[] = [];
  const kind = effectivePolicy(pod);
  let base: ResolvConf = { servers: [], searches: [], options: [] };
  if (kind === 'cluster' && clusterDns.length > 0) {
    const namespace = podNamespace(pod);
    const own =
      clusterDomain === ''
        ? []
        : [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
    const searches = distinct([...own, ...(settings.host?.searches ?? [])]);
    base = { servers: clusterDns, searches, options: ['ndots:5'] };
  } else if (kind !== 'none') {
    if (kind === 'cluster') warnings.push(missingClusterDns(pod));
    base = settings.host ?? { servers: settings.loopbacks, searches: ['.'], options: [] };
  }
  const wanted = withPodConfig(base, pod);
  const servers = wanted.servers.slice(0, MAX_SERVERS);
  if (servers.length < wanted.servers.length) {
    const message = `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${servers.join(' ')}`;
    warnings.push({ reason: 'DNSConfigForming', message });
  }
  const searches = limitedSearches(wanted.searches);
  if (searches.length < wanted.searches.length) {
    const message = `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(' ')}`;
    warnings.push({ reason: 'DNSConfigForming', message });
  }
  return { config: { servers, searches, options: wanted.options }, warnings };
}

function effectivePolicy(pod: Pod): 'none' | 'host' | 'cluster' {
  switch (pod.spec?.dnsPolicy) {
    case 'None':
      return 'none';
    case 'Default':
      return 'host';
    case 'ClusterFirstWithHostNet':
      return 'cluster';
    default:
      return pod.spec?.hostNetwork === true ? 'host' : 'cluster';
  }
}

function missingClusterDns(pod: Pod): DnsWarning {
  const text =
    'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';
  const message = `pod: "${podLabel(pod)}". ${text}`;
  return { reason: 'MissingClusterDNS', message, nodeMessage: text };
}

function withPodConfig(base: ResolvConf, pod: Pod): ResolvConf {
  const added = pod.spec?.dnsConfig;
  if (added === undefined) return base;
  const options = new Map(base.options.map((option) => [option.split(':')[0] ?? '', option]));
  for (const { name = '', value } of added.options ?? []) {
    options.set(name, value === undefined || value === '' ? name : `${name}:${value}`);
  }
  return {
    servers: distinct([...base.servers, ...(added.nameservers ?? [])]),
    searches: distinct([...base.searches, ...(added.searches ?? [])]),
    options: [...options.values()],
  };
}

function limitedSearches(searches: readonly string[]): readonly string[] {
  const kept = searches.filter((name) => name.length <= MAX_SEARCH_NAME).slice(0, MAX_SEARCHES);
  while (kept.join(' ').length > MAX_SEARCH_CHARS) kept.pop();
  return kept;
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/**
 * Parses the parts of resolv.conf that pods need.
 *
 * @returns an error message for an unusable file
 */
export function parseResolvConf(text: string): ResolvConf | string {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  const options = new Map<string, string>();
  for (const line of text.split('\n').map((raw) => raw.trim())) {
    if (line.startsWith('#')) continue;
    const [word, ...values] = line.split(/\s+/);
    if (word === 'nameserver') {
      const [server] = values;
      if (server === undefined) return 'nameserver list is empty ';
      servers.push(server);
    } else if (word === 'search') {
      searches = values.filter((name) => name !== '.').map((name) => name.replace(/\.$/, ''));
    } else if (word === 'options') {
      for (const option of values) options.set(option.split(':')[0] ?? '', option);
    }
  }
  return { servers, searches, options: [...options.values()] };
}

/**
 * The parts of the host's resolv.conf that pods cannot receive completely, as a message on the
 * node.
 *
 * @returns undefined if everything fits
 * @see Kubernetes 1.36 pkg/kubelet/network/dns/dns.go, CheckLimitsForResolvConf
 */
export function resolvConfProblem(
  { searches }: ResolvConf,
  { path, clusterDomain }: Readonly<{ path: string; clusterDomain: string }>,
): string | undefined {
  // A pod's own search domains precede the host's.
  const most = clusterDomain === '' ? MAX_SEARCHES : MAX_SEARCHES - 3;
  const what = `Resolv.conf file '${path}' contains`;
  if (searches.length > most) {
    return `${what} search line consisting of more than ${most} domains!`;
  }
  if (searches.some((name) => name.length > MAX_SEARCH_NAME)) {
    return `${what} a search path which length is more than allowed ${MAX_SEARCH_NAME} chars!`;
  }
  if (searches.join(' ').length <= MAX_SEARCH_CHARS) return undefined;
  return `${what} search line which length is more than allowed ${MAX_SEARCH_CHARS} chars!`;
}

/** The resolvers of a host without resolv.conf: its loopback addresses. */
export function loopbacksOf(nodeIps: readonly string[]): readonly string[] {
  const found = distinct(nodeIps.map((ip) => (ip.includes(':') ? '::1' : '127.0.0.1')));
  return found.length > 0 ? found : ['127.0.0.1'];
}
