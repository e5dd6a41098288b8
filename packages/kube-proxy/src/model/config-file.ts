import { formatGoDuration, parseGoDuration } from '@nodeagent/base';
import * as z from 'zod/mini';

import { canonicalCidr, canonicalIp } from './address.js';

/**
 * A KubeProxyConfiguration with the file's field names, defaults filled in. Null, empty text, zero
 * durations and missing fields all mean "the default", as in the Go types.
 *
 * @see Kubernetes 1.36 pkg/proxy/apis/config/v1alpha1/defaults.go, ../validation/validation.go
 */
export type KubeProxyConfigFile = z.output<typeof configFileSchema>;

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

/** null and absence become the default. */
function orDefault<T extends z.core.SomeType>(schema: T, value: z.output<T>) {
  return z.pipe(
    z.optional(z.nullable(schema)),
    z.transform((given): z.output<T> => given ?? value),
  );
}

const text = (value = '') => orDefault(z.string(), value);
const flag = (value = false) => orDefault(z.boolean(), value);
function integer(value: number, least: number, most: number) {
  const wanted = most === INT32_MAX ? `${least} or more` : `${least} to ${most}`;
  const error = `must be a whole number, ${wanted}`;
  return orDefault(
    z.int({ error }).check(z.minimum(least, { error }), z.maximum(most, { error })),
    value,
  );
}

function checkedText(wanted: string, isRight: (value: string) => boolean) {
  return z.string().check(z.refine(isRight, { error: `must be ${wanted}` }));
}

const goDuration = checkedText(
  'a duration such as 1m30s, not negative',
  (value) => (parseGoDuration(value) ?? -1) >= 0,
);

/** Keeps the duration in the form that Go prints. */
function duration(value: string, zeroIsDefault = true) {
  return z.pipe(
    orDefault(goDuration, value),
    z.transform((given) => {
      const ms = parseGoDuration(given) ?? 0;
      return ms === 0 && zeroIsDefault ? value : formatGoDuration(ms);
    }),
  );
}

const isPort = (value: string): boolean =>
  /^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535;

/** Accepts `1.2.3.4:80`, `[::1]:80`, or the address alone, which gets its port later. */
function isBindAddress(value: string): boolean {
  if (value === '' || canonicalIp(value) !== undefined) return true;
  const found = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(value);
  const ip = canonicalIp(found?.[1] ?? found?.[2] ?? '');
  return ip !== undefined && isPort(found?.[3] ?? '');
}

const bindAddress = text().check(
  z.refine(isBindAddress, { error: 'must be an IP address with or without a port 1 to 65535' }),
);
const isCidr = (value: string): boolean => canonicalCidr(value) !== undefined;

const cidrList = z.array(checkedText('a CIDR such as 10.0.0.0/8', isCidr));
const nodePortCidrs = z
  .array(
    checkedText('a CIDR such as 10.0.0.0/8, or "primary"', (v) => v === 'primary' || isCidr(v)),
  )
  .check(
    z.refine((list) => !list.includes('primary') || list.length === 1, {
      error: '"primary" must be the only element',
    }),
  );

const emptyObject = (value: unknown): unknown => value ?? {};
/** A section that may be missing or null: all its fields have defaults. */
function section<T extends z.core.$ZodLooseShape>(shape: T) {
  return z.pipe(z.transform(emptyObject), z.strictObject(shape));
}

const periods = { syncPeriod: duration('30s'), minSyncPeriod: duration('1s') };
const masquerade = { masqueradeBit: integer(14, 0, 31), masqueradeAll: flag() };
const logStream = { splitStream: flag(), infoBufferSize: text('0') };

export const configFileSchema = z.strictObject({
  apiVersion: text(CONFIG_KIND.apiVersions[0]),
  kind: text(CONFIG_KIND.kind),
  featureGates: orDefault(z.record(z.string(), z.boolean()), {}),
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
  logging: section({
    format: z.pipe(
      orDefault(z.enum(['', 'text', 'json'], { error: 'must be text or json' }), 'text'),
      z.transform((format) => (format === '' ? 'text' : format)),
    ),
    flushFrequency: orDefault(z.union([goDuration, z.number()]), '5s'),
    verbosity: integer(0, 0, INT32_MAX),
    vmodule: orDefault(z.array(z.unknown()), []),
    options: section({ text: section(logStream), json: section(logStream) }),
  }),
  hostnameOverride: text(),
  bindAddress: text('0.0.0.0').check(
    z.refine((value) => value === '' || canonicalIp(value) !== undefined, {
      error: 'must be an IP address',
    }),
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
    syncPeriod: duration('30s'),
    minSyncPeriod: duration('0s'),
    scheduler: text(),
    excludeCIDRs: orDefault(cidrList, []),
    strictARP: flag(),
    tcpTimeout: duration('0s'),
    tcpFinTimeout: duration('0s'),
    udpTimeout: duration('0s'),
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
  clusterCIDR: text(),
  nodePortAddresses: orDefault(nodePortCidrs, []),
  oomScoreAdj: integer(-999, -1000, 1000),
  conntrack: section({
    maxPerCore: integer(32_768, 0, INT32_MAX),
    min: integer(131_072, 0, INT32_MAX),
    tcpEstablishedTimeout: duration('24h0m0s', false),
    tcpCloseWaitTimeout: duration('1h0m0s', false),
    tcpBeLiberal: flag(),
    udpTimeout: duration('0s'),
    udpStreamTimeout: duration('0s'),
  }),
  configSyncPeriod: duration('15m0s'),
  portRange: text(),
  // for the userspace mode; the API had this field until 1.25, and old ConfigMaps still do
  udpIdleTimeout: z.optional(goDuration),
  windowsRunAsService: flag(),
});
