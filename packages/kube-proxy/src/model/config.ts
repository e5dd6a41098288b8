import {
  checkConfig,
  ConfigError,
  type Features,
  featureWarnings,
  isPlainObject,
  type LogSettings,
  PREVIOUS_VERSION,
  type Problem,
  unusedFieldWarnings,
} from '@nodeagent/component-base';
import { type DocumentOf, documentOf, Written } from '@nodeagent/component-base/config-fields';
import { loggingProblems, logSettings } from '@nodeagent/component-base/logging-fields';

import { familyOf, hostPort } from './address.js';
import type { BindAddress } from './bind-address.js';
import { type ConfigFile, configFileSchema, written } from './config-file.js';
import { FIXED_FEATURES } from './fixed-features.js';
import type { PortRange } from './port-range.js';
import { UNUSED_FIELDS } from './unused-fields.js';

/** The part of the kernel that forwards, or `userspace` for this process. */
export type ProxyMode = Exclude<ConfigFile['mode'], ''>;

/** The way to recognize a packet from a pod of this node. */
export type DetectLocalMode = Exclude<ConfigFile['detectLocalMode'], ''>;

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
  /** No server when undefined. */
  readonly healthzBindAddress: ServerAddress | undefined;
  readonly metricsBindAddress: ServerAddress | undefined;
  /** Ports that the userspace mode may listen on. */
  readonly portRange: PortRange | 'any';
  /** How long the userspace mode remembers a silent UDP client. */
  readonly udpIdleMs: number;
  readonly hostnameOverride: string;
  readonly oomScoreAdj: number;
  readonly conntrack: ConntrackConfig;
  readonly ipvs: IpvsConfig;
  readonly features: Features;
  readonly clientConnection: Readonly<{ kubeconfig: string; qps: number; burst: number }>;
  readonly logging: LogSettings;
  /** The complete configuration, with the file's field names. */
  readonly file: KubeProxyConfigFile;
}

/** An address to listen on, with its port. */
export interface ServerAddress {
  /** A canonical address. */
  readonly host: string;
  readonly port: number;
}

/** Settings of the ipvs mode alone. */
export interface IpvsConfig {
  readonly scheduler: string;
  readonly strictArp: boolean;
  /** Canonical prefixes. */
  readonly excludeCidrs: readonly string[];
  /** A value of 0 leaves the kernel's setting alone. */
  readonly timeouts: Readonly<{ tcpSeconds: number; tcpFinSeconds: number; udpSeconds: number }>;
}

/** A KubeProxyConfiguration in the file's terms, with all defaults. */
export type KubeProxyConfigFile = DocumentOf<CompleteFile>;

/** With the defaults that depend on other fields. */
interface CompleteFile extends Omit<ConfigFile, 'mode' | 'detectLocalMode' | ServerField> {
  readonly mode: ProxyMode;
  readonly detectLocalMode: DetectLocalMode;
  readonly healthzBindAddress: Written<ServerAddress | undefined>;
  readonly metricsBindAddress: Written<ServerAddress | undefined>;
}

type ServerField = 'healthzBindAddress' | 'metricsBindAddress';

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

/** A valid configuration, with the fields of the file that mean nothing. */
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
  const whole = withDefaults(file, servers);
  const config = settingsOf(whole);
  const problems = crossCheck(whole, config);
  if (problems.length > 0) throw new ConfigError('CONFIG_INVALID', { source, problems });
  const gates = featureWarnings(whole.featureGates.text, FIXED_FEATURES);
  const given = isPlainObject(value) ? value : {};
  const unused = unusedFieldWarnings(UNUSED_FIELDS, given, config.file, USUAL);
  const inert = [...unused, ...gates.map((line) => `featureGates: ${line}`)];
  return { config, warnings: [...warnings, ...inert.map((line) => `${source}: ${line}`)] };
}

/** A configuration file that sets nothing. */
const USUAL = documentOf(checkConfig(configFileSchema, {}, 'defaults').config);

function withDefaults(
  file: ConfigFile,
  servers: Readonly<{ healthz: boolean; metrics: boolean }>,
): CompleteFile {
  const mode = file.mode === '' ? 'iptables' : file.mode;
  const isV6 = familyOf(file.bindAddress.value) === 'IPv6';
  const section = sectionOf(mode);
  const noPeriods = { syncPeriod: written(0), minSyncPeriod: written(0) };
  return {
    ...file,
    mode,
    detectLocalMode: file.detectLocalMode === '' ? 'ClusterCIDR' : file.detectLocalMode,
    nodePortAddresses:
      mode === 'nftables' && file.nodePortAddresses.length === 0
        ? [new Written('primary', 'primary')]
        : file.nodePortAddresses,
    healthzBindAddress: servers.healthz
      ? complete(file.healthzBindAddress, { host: isV6 ? '::' : '0.0.0.0', port: 10_256 })
      : NO_SERVER,
    metricsBindAddress: servers.metrics
      ? complete(file.metricsBindAddress, { host: isV6 ? '::1' : '127.0.0.1', port: 10_249 })
      : NO_SERVER,
    iptables: section === 'iptables' ? file.iptables : { ...file.iptables, ...noPeriods },
    ipvs: section === 'ipvs' ? file.ipvs : { ...file.ipvs, ...noPeriods },
    nftables: section === 'nftables' ? file.nftables : { ...file.nftables, ...noPeriods },
  };
}

const NO_SERVER = new Written('', undefined);

/** Older versions used 250 ms, which cut off every slow answer. */
const UDP_IDLE_MS = 60_000;

/** An address that has its port stays as it is written. */
function complete(
  { text, value: given }: Written<BindAddress | undefined>,
  usual: ServerAddress,
): Written<ServerAddress> {
  const { host, port } = given ?? usual;
  if (port !== undefined && given !== undefined) return new Written(text, { host, port });
  return new Written(hostPort(host, usual.port), { host, port: usual.port });
}

function settingsOf(file: CompleteFile): ProxyConfig {
  const { mode, conntrack } = file;
  const { syncPeriod, minSyncPeriod } = file[sectionOf(mode)];
  const masquerade = mode === 'nftables' ? file.nftables : file.iptables;
  return {
    mode,
    syncPeriodMs: syncPeriod.value,
    minSyncPeriodMs: minSyncPeriod.value,
    masqueradeMark: 2 ** masquerade.masqueradeBit,
    masqueradeAll: masquerade.masqueradeAll,
    localhostNodePorts: file.iptables.localhostNodePorts,
    detectLocalMode: file.detectLocalMode,
    bridgeInterface: file.detectLocal.bridgeInterface,
    interfaceNamePrefix: file.detectLocal.interfaceNamePrefix,
    clusterCidrs: file.clusterCIDR.value ?? [], // crossCheck refuses it where it is needed
    nodePortAddresses: file.nodePortAddresses.map(({ value }) => value),
    bindAddress: file.bindAddress.value,
    bindAddressHardFail: file.bindAddressHardFail,
    healthzBindAddress: file.healthzBindAddress.value,
    metricsBindAddress: file.metricsBindAddress.value,
    portRange: file.portRange.value,
    udpIdleMs: file.udpIdleTimeout?.value || UDP_IDLE_MS,
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
    ipvs: ipvsSettingsOf(file.ipvs),
    features: file.featureGates.value,
    clientConnection: file.clientConnection,
    logging: logSettings(file.logging),
    file: documentOf(file),
  };
}

function ipvsSettingsOf(ipvs: CompleteFile['ipvs']): IpvsConfig {
  return {
    scheduler: ipvs.scheduler || 'rr',
    strictArp: ipvs.strictARP,
    excludeCidrs: ipvs.excludeCIDRs.map(({ value }) => value),
    timeouts: {
      tcpSeconds: seconds(ipvs.tcpTimeout),
      tcpFinSeconds: seconds(ipvs.tcpFinTimeout),
      udpSeconds: seconds(ipvs.udpTimeout),
    },
  };
}

/** The kernel takes whole seconds. */
function seconds({ value }: Written<number>): number {
  return Math.floor(value / 1000);
}

/** The userspace mode never had a section of its own. */
function sectionOf(mode: ProxyMode): 'iptables' | 'ipvs' | 'nftables' {
  return mode === 'userspace' ? 'iptables' : mode;
}

/** Checks that involve more than one field. */
function crossCheck(file: CompleteFile, config: ProxyConfig): readonly Problem[] {
  const { mode, detectLocalMode: detect } = config;
  const found = [
    {
      field: `${sectionOf(mode)}.minSyncPeriod`,
      wrong: config.minSyncPeriodMs > config.syncPeriodMs,
      message: `must not be longer than ${sectionOf(mode)}.syncPeriod`,
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
      field: 'showHiddenMetricsForVersion',
      wrong: !['', PREVIOUS_VERSION].includes(file.showHiddenMetricsForVersion),
      message: `must be the minor version before this one, ${PREVIOUS_VERSION}`,
    },
    {
      field: 'clusterCIDR',
      wrong: detect === 'ClusterCIDR' && file.clusterCIDR.value === undefined,
      message: 'must be one CIDR, or one of each address family joined by a comma',
    },
  ];
  return [
    ...found.filter(({ wrong }) => wrong).map(({ field, message }) => ({ field, message })),
    ...loggingProblems(file.logging, config.features),
  ];
}
