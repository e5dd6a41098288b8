import { parseGoDuration } from '@nodeagent/base';
import { checkConfig, ConfigError, FEATURE_GATES, type Problem } from '@nodeagent/component-base';

import { canonicalCidr, canonicalIp, familyOf } from './address.js';
import { configFileSchema, type KubeProxyConfigFile } from './config-file.js';
import { parsePortRange } from './port-range.js';

export type ProxyMode = 'iptables' | 'ipvs' | 'nftables' | 'userspace';
/** Modes available in this version. */
const AVAILABLE_MODES: readonly ProxyMode[] = ['iptables', 'ipvs', 'nftables', 'userspace'];

export type DetectLocalMode =
  'ClusterCIDR' | 'NodeCIDR' | 'BridgeInterface' | 'InterfaceNamePrefix';

/** The proxy's configuration, with its own names and units. */
export interface ProxyConfig {
  readonly mode: ProxyMode;
  /** Period of the chosen mode. */
  readonly syncPeriodMs: number;
  readonly minSyncPeriodMs: number;
  /** A mask with one bit. */
  readonly masqueradeMark: number;
  readonly masqueradeAll: boolean;
  readonly localhostNodePorts: boolean;
  readonly detectLocalMode: DetectLocalMode;
  readonly bridgeInterface: string;
  readonly interfaceNamePrefix: string;
  /** Canonical prefixes, at most one of each family. */
  readonly clusterCidrs: readonly string[];
  /** Canonical prefixes, or only `primary`. */
  readonly nodePortAddresses: readonly string[];
  /** A canonical address. */
  readonly bindAddress: string;
  readonly bindAddressHardFail: boolean;
  /** `host:port`; no server when empty. */
  readonly healthzBindAddress: string;
  readonly metricsBindAddress: string;
  /** Ports that the userspace mode may listen on: `8000-8099`; any when empty. */
  readonly portRange: string;
  /** How long the userspace mode remembers a silent UDP client. */
  readonly udpIdleMs: number;
  readonly hostnameOverride: string;
  readonly oomScoreAdj: number;
  readonly conntrack: ConntrackConfig;
  readonly clientConnection: Readonly<{ kubeconfig: string; qps: number; burst: number }>;
  readonly logging: Readonly<{ format: 'text' | 'json'; verbosity: number }>;
  /** The complete configuration, with the file's field names. */
  readonly file: KubeProxyConfigFile;
}

/** A value of 0 leaves the kernel's setting alone. */
export interface ConntrackConfig {
  readonly maxPerCore: number;
  readonly min: number;
  readonly tcpEstablishedSeconds: number;
  readonly tcpCloseWaitSeconds: number;
  readonly tcpBeLiberal: boolean;
  readonly udpSeconds: number;
  readonly udpStreamSeconds: number;
}

export interface ParsedConfig {
  readonly config: ProxyConfig;
  /** One line per unknown field. */
  readonly warnings: readonly string[];
}

/**
 * @param source the file's name, or `command line`
 * @param servers a server address switched off by flag stays off instead of getting its default
 * @throws {ConfigError} `CONFIG_INVALID` with all problems
 */
export function parseProxyConfig(
  value: unknown,
  source: string,
  servers: Readonly<{ healthz: boolean; metrics: boolean }> = { healthz: true, metrics: true },
): ParsedConfig {
  const { config: file, warnings } = checkConfig(configFileSchema, value, source);
  const complete = withDefaults(file, servers);
  const config = settingsOf(complete);
  const problems = crossCheck(config);
  if (problems.length > 0) throw new ConfigError('CONFIG_INVALID', { source, problems });
  return { config, warnings };
}

function withDefaults(
  file: KubeProxyConfigFile,
  servers: Readonly<{ healthz: boolean; metrics: boolean }>,
): KubeProxyConfigFile {
  const { bindAddress } = file;
  const mode = file.mode === '' ? 'iptables' : file.mode;
  const isV6 = bindAddress !== '' && familyOf(canonicalIp(bindAddress) ?? '') === 'IPv6';
  const bind = (given: string, any: string, port: number): string =>
    withPort(given === '' ? any : given, port);
  const usesIptables = mode === 'iptables' || mode === 'userspace';
  const noPeriods = { syncPeriod: '0s', minSyncPeriod: '0s' };
  return {
    ...file,
    mode,
    detectLocalMode: file.detectLocalMode === '' ? 'ClusterCIDR' : file.detectLocalMode,
    nodePortAddresses:
      mode === 'nftables' && file.nodePortAddresses.length === 0
        ? ['primary']
        : file.nodePortAddresses,
    healthzBindAddress: servers.healthz
      ? bind(file.healthzBindAddress, isV6 ? '::' : '0.0.0.0', 10_256)
      : '',
    metricsBindAddress: servers.metrics
      ? bind(file.metricsBindAddress, isV6 ? '::1' : '127.0.0.1', 10_249)
      : '',
    iptables: usesIptables ? file.iptables : { ...file.iptables, ...noPeriods },
    ipvs: mode === 'ipvs' ? file.ipvs : { ...file.ipvs, ...noPeriods },
    nftables: mode === 'nftables' ? file.nftables : { ...file.nftables, ...noPeriods },
  };
}

/** Older versions used 250 ms, which cut off every slow answer. */
const UDP_IDLE_MS = 60_000;

function withPort(address: string, port: number): string {
  const ip = canonicalIp(address);
  if (ip === undefined) return address;
  return familyOf(ip) === 'IPv6' ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function settingsOf(file: KubeProxyConfigFile): ProxyConfig {
  const mode: ProxyMode = file.mode === '' ? 'iptables' : file.mode;
  const { conntrack, clientConnection, logging } = file;
  const section = sectionOf(mode);
  const masquerade = mode === 'nftables' ? file.nftables : file.iptables;
  const seconds = (text: string): number => Math.floor(milliseconds(text) / 1000);
  return {
    mode,
    syncPeriodMs: milliseconds(file[section].syncPeriod),
    minSyncPeriodMs: milliseconds(file[section].minSyncPeriod),
    masqueradeMark: 2 ** masquerade.masqueradeBit,
    masqueradeAll: masquerade.masqueradeAll,
    localhostNodePorts: file.iptables.localhostNodePorts,
    detectLocalMode: file.detectLocalMode === '' ? 'ClusterCIDR' : file.detectLocalMode,
    bridgeInterface: file.detectLocal.bridgeInterface,
    interfaceNamePrefix: file.detectLocal.interfaceNamePrefix,
    clusterCidrs: splitCidrs(file.clusterCIDR).map((cidr) => canonicalCidr(cidr) ?? cidr),
    nodePortAddresses: file.nodePortAddresses.map((cidr) => canonicalCidr(cidr) ?? cidr),
    bindAddress: canonicalIp(file.bindAddress) ?? '0.0.0.0',
    bindAddressHardFail: file.bindAddressHardFail,
    healthzBindAddress: file.healthzBindAddress,
    metricsBindAddress: file.metricsBindAddress,
    portRange: file.portRange,
    udpIdleMs: milliseconds(file.udpIdleTimeout ?? '0s') || UDP_IDLE_MS,
    hostnameOverride: file.hostnameOverride,
    oomScoreAdj: file.oomScoreAdj,
    conntrack: {
      maxPerCore: conntrack.maxPerCore,
      min: conntrack.min,
      tcpEstablishedSeconds: seconds(conntrack.tcpEstablishedTimeout),
      tcpCloseWaitSeconds: seconds(conntrack.tcpCloseWaitTimeout),
      tcpBeLiberal: conntrack.tcpBeLiberal,
      udpSeconds: seconds(conntrack.udpTimeout),
      udpStreamSeconds: seconds(conntrack.udpStreamTimeout),
    },
    clientConnection,
    logging,
    file,
  };
}

/** The userspace mode never had a section of its own. */
function sectionOf(mode: ProxyMode): 'iptables' | 'ipvs' | 'nftables' {
  return mode === 'userspace' ? 'iptables' : mode;
}

function milliseconds(text: string): number {
  return parseGoDuration(text) ?? 0;
}

function splitCidrs(list: string): string[] {
  return list === '' ? [] : list.split(',').map((cidr) => cidr.trim());
}

/** Checks that involve more than one field. */
function crossCheck(config: ProxyConfig): readonly Problem[] {
  const { mode, detectLocalMode: detect } = config;
  const found = [
    {
      field: 'mode',
      wrong: !AVAILABLE_MODES.includes(mode),
      message: `"${mode}" is not available in this version; use ${AVAILABLE_MODES.join(' or ')}`,
    },
    {
      field: `${sectionOf(mode)}.minSyncPeriod`,
      wrong: config.minSyncPeriodMs > config.syncPeriodMs,
      message: `must not be longer than ${sectionOf(mode)}.syncPeriod`,
    },
    {
      field: 'portRange',
      wrong: parsePortRange(config.portRange) === 'invalid',
      message: 'must be a range of ports such as 8000-8099, or empty',
    },
    {
      field: 'detectLocal.bridgeInterface',
      wrong: detect === 'BridgeInterface' && config.bridgeInterface === '',
      message: 'must be set when detectLocalMode is BridgeInterface',
    },
    {
      field: 'detectLocal.interfaceNamePrefix',
      wrong: detect === 'InterfaceNamePrefix' && config.interfaceNamePrefix === '',
      message: 'must be set when detectLocalMode is InterfaceNamePrefix',
    },
    {
      field: 'clusterCIDR',
      wrong: detect === 'ClusterCIDR' && !areClusterCidrs(config.clusterCidrs),
      message: 'must be one CIDR, or one of each address family joined by a comma',
    },
  ];
  const gates = Object.keys(config.file.featureGates).filter((gate) => !FEATURE_GATES.has(gate));
  return [
    ...found.filter(({ wrong }) => wrong).map(({ field, message }) => ({ field, message })),
    ...gates.map((gate) => {
      return { field: 'featureGates', message: `unrecognized feature gate: ${gate}` };
    }),
  ];
}

function areClusterCidrs(cidrs: readonly string[]): boolean {
  const families = new Set(cidrs.map(familyOf));
  return cidrs.every((cidr) => canonicalCidr(cidr) !== undefined) && families.size === cidrs.length;
}
