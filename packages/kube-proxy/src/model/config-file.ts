import { formatGoDuration, parseGoDuration } from '@nodeagent/base';
import {
  featureGates,
  flag,
  integer,
  orDefault,
  parsed,
  parsedIfAny,
  text,
  Written,
} from '@nodeagent/component-base/config-fields';
import { logging } from '@nodeagent/component-base/logging-fields';
import * as z from 'zod/mini';

import { canonicalCidr, canonicalIp, familyOf } from './address.js';
import { parseBindAddress } from './bind-address.js';
import { parsePortRange } from './port-range.js';

/**
 * A KubeProxyConfiguration with the file's field names and the defaults of single fields. Null, empty
 * text, zero durations and missing fields all mean "the default", as in the Go types. A value that
 * the program needs in another form is parsed and keeps its text.
 *
 * @see Kubernetes 1.36 pkg/proxy/apis/config/v1alpha1/defaults.go, ../validation/validation.go
 */
export type ConfigFile = z.output<typeof configFileSchema>;

/** The only version of the file that Kubernetes 1.36 has. */
export const CONFIG_KIND = {
  apiVersions: ['kubeproxy.config.k8s.io/v1alpha1'],
  kind: 'KubeProxyConfiguration',
} as const;

const PROXY_MODES = ['', 'iptables', 'ipvs', 'nftables', 'userspace'] as const;
const DETECT_MODES = [
  '',
  'ClusterCIDR',
  'NodeCIDR',
  'BridgeInterface',
  'InterfaceNamePrefix',
] as const;

const INT32_MAX = 2 ** 31 - 1;
const SECOND = 1000;
const HOUR = 3600 * SECOND;

const goDuration = parsed((given) => {
  const ms = parseGoDuration(given);
  return ms !== undefined && ms >= 0 ? ms : undefined;
}, 'a duration such as 1m30s, not negative');

/** As {@link duration} gives it. */
export const written = (ms: number): Written<number> => new Written(formatGoDuration(ms), ms);

/** Parses to milliseconds; the document keeps the duration in the form that Go prints. */
function duration(defaultMs: number, zeroIsDefault = true) {
  return z.pipe(
    orDefault(goDuration, written(defaultMs)),
    z.transform(({ value }) => written(value === 0 && zeroIsDefault ? defaultMs : value)),
  );
}

const bindAddress = parsedIfAny(
  parseBindAddress,
  'an IP address with or without a port 1 to 65535',
);

const ANY_ADDRESS = new Written('0.0.0.0', '0.0.0.0');

const cidr = 'a CIDR such as 10.0.0.0/8';
const cidrList = z.array(parsed(canonicalCidr, cidr));
const nodePortCidrs = z
  .array(
    parsed(
      (given) => (given === 'primary' ? given : canonicalCidr(given)),
      `${cidr}, or "primary"`,
    ),
  )
  .check(
    z.refine((list) => list.length === 1 || list.every(({ value }) => value !== 'primary'), {
      error: '"primary" must be the only element',
    }),
  );

/** @returns undefined unless there is at most one of each family; only some modes need them */
function parseClusterCidrs(given: string): readonly string[] | undefined {
  if (given === '') return [];
  const cidrs = given.split(',').flatMap((one) => canonicalCidr(one.trim()) ?? []);
  const families = new Set(cidrs.map(familyOf));
  return families.size === given.split(',').length ? cidrs : undefined;
}

const emptyObject = (value: unknown): unknown => value ?? {};
/** A section that may be missing or null: all its fields have defaults. */
function section<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.pipe(z.transform(emptyObject), z.strictObject(shape));
}

const periods = { syncPeriod: duration(30 * SECOND), minSyncPeriod: duration(SECOND) };
const masquerade = { masqueradeBit: integer(14, 0, 31), masqueradeAll: flag() };

export const configFileSchema = z.strictObject({
  apiVersion: text(CONFIG_KIND.apiVersions[0]),
  kind: text(CONFIG_KIND.kind),
  featureGates: featureGates(),
  clientConnection: section({
    kubeconfig: text(),
    acceptContentTypes: text(),
    contentType: text('application/vnd.kubernetes.protobuf'),
    qps: z.pipe(
      orDefault(z.number(), 5),
      z.transform((qps) => (qps === 0 ? 5 : qps)),
    ),
    burst: z.pipe(
      integer(10, 0, INT32_MAX),
      z.transform((burst) => (burst === 0 ? 10 : burst)),
    ),
  }),
  logging: logging(),
  hostnameOverride: text(),
  bindAddress: z.pipe(
    parsedIfAny(canonicalIp, 'an IP address'),
    z.transform(({ text: given, value }) =>
      value === undefined ? ANY_ADDRESS : new Written(given, value),
    ),
  ),
  healthzBindAddress: bindAddress,
  metricsBindAddress: bindAddress,
  bindAddressHardFail: flag(),
  enableProfiling: flag(),
  showHiddenMetricsForVersion: text(),
  mode: orDefault(
    z.enum(PROXY_MODES, { error: 'must be iptables, ipvs, nftables, userspace or empty' }),
    '' as const,
  ),
  iptables: section({ ...masquerade, localhostNodePorts: flag(true), ...periods }),
  ipvs: section({
    syncPeriod: duration(30 * SECOND),
    minSyncPeriod: duration(0),
    scheduler: text(),
    excludeCIDRs: orDefault(cidrList, []),
    strictARP: flag(),
    tcpTimeout: duration(0),
    tcpFinTimeout: duration(0),
    udpTimeout: duration(0),
  }),
  nftables: section({ ...masquerade, ...periods }),
  winkernel: section({
    networkName: text(),
    sourceVip: text(),
    enableDSR: flag(),
    rootHnsEndpointName: text(),
    forwardHealthCheckVip: flag(),
  }),
  detectLocalMode: orDefault(
    z.enum(DETECT_MODES, { error: `must be ${DETECT_MODES.slice(1).join(', ')} or empty` }),
    '' as const,
  ),
  detectLocal: section({ bridgeInterface: text(), interfaceNamePrefix: text() }),
  clusterCIDR: z.pipe(
    text(),
    z.transform((given) => new Written(given, parseClusterCidrs(given))),
  ),
  nodePortAddresses: orDefault(nodePortCidrs, []),
  oomScoreAdj: integer(-999, -1000, 1000),
  conntrack: section({
    maxPerCore: integer(32_768, 0, INT32_MAX),
    min: integer(131_072, 0, INT32_MAX),
    tcpEstablishedTimeout: duration(24 * HOUR, false),
    tcpCloseWaitTimeout: duration(HOUR, false),
    tcpBeLiberal: flag(),
    udpTimeout: duration(0),
    udpStreamTimeout: duration(0),
  }),
  configSyncPeriod: duration(HOUR / 4),
  portRange: orDefault(
    parsed(parsePortRange, 'a range of ports such as 8000-8099, or empty'),
    new Written('', 'any' as const),
  ),
  // for the userspace mode; the API had this field until 1.25, and old ConfigMaps still do
  udpIdleTimeout: z.optional(goDuration),
  windowsRunAsService: flag(),
});
