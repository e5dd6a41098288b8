import { isIP } from 'node:net';

import { parseGoDuration } from '@nodeagent/base';
import {
  ConfigError,
  flagsToConfig,
  flagText,
  type ParsedFlags,
  type Problem,
  shownFlags,
} from '@nodeagent/component-base';
import {
  type ConfigPlace,
  type KubeletConfig,
  type KubeletIdentity,
  parseKubeletConfig,
} from '@nodeagent/kubelet';
import type { ConfigFiles } from '@nodeagent/kubelet/adapters';

import { FLAGS } from './flags.js';

/** The options from the command line and the files together. */
export interface Options {
  readonly config: KubeletConfig;
  /** Undefined without an API server: only static pods run. */
  readonly kubeconfig: string | undefined;
  /**
   * A kubeconfig whose credentials may request the node's own, which `kubeconfig` then contains.
   */
  readonly bootstrapKubeconfig: string | undefined;
  /** Locates a field of the configuration, for messages. */
  readonly placeOf: (field: string) => ConfigPlace;
  readonly nodeName: string;
  readonly nodeIps: readonly string[];
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly rootDir: string;
  /** Directory of the kubelet's own certificates. */
  readonly certDir: string;
  /** Configuration and directory of credential provider plug-ins; undefined without them. */
  readonly credentialProviders: Readonly<{ config: string; binDir: string }> | undefined;
  /** How many ended containers stay. */
  readonly containerGc: NonNullable<KubeletIdentity['containerGc']>;
  /** Flags as given, for `/flagz`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly cloudProvider: 'none' | 'external';
  /** The container runtime's own cgroup; empty if unknown. */
  readonly runtimeCgroups: string;
  readonly warnings: readonly string[];
}

/** The certificates stay here with another `--root-dir` as well: kubeconfigs name their path. */
const CERT_DIR = '/var/lib/kubelet/pki';

/** @throws {ConfigError} with every problem of the flags, or of the configuration */
export async function readOptions(
  flags: ParsedFlags,
  hostname: string,
  readFiles: (path?: string, directory?: string) => Promise<ConfigFiles>,
): Promise<Options> {
  const text = (name: string): string => flagText(flags.given.get(name));
  const path = text('config') || undefined;
  const files = await readFiles(path, text('config-dir') || undefined);
  const { config, warnings } = parseKubeletConfig({
    file: files.file,
    dropIns: files.dropIns,
    flags: flagsToConfig(FLAGS, flags),
    source: path ?? 'command line',
  });
  const problems: Problem[] = [];
  const cloudProvider = text('cloud-provider');
  if (cloudProvider !== '' && cloudProvider !== 'external') {
    problems.push({ field: '--cloud-provider', message: 'must be "external" or empty' });
  }
  const nodeName = (text('hostname-override') || hostname).trim().toLowerCase();
  if (nodeName === '')
    problems.push({ field: '--hostname-override', message: 'must not be blank' });
  if (text('bootstrap-kubeconfig') !== '' && text('kubeconfig') === '') {
    const message = 'must name the file to write once the node has its certificate';
    problems.push({ field: '--kubeconfig', message });
  }
  const rootDir = text('root-dir') || '/var/lib/kubelet';
  const options: Options = {
    config,
    kubeconfig: text('kubeconfig') || undefined,
    bootstrapKubeconfig: text('bootstrap-kubeconfig') || undefined,
    placeOf: (field) => placeOf(field, flags, path),
    nodeName,
    nodeIps: nodeIpsOf(text('node-ip'), problems),
    nodeLabels: nodeLabelsOf(text('node-labels'), problems),
    rootDir,
    certDir: text('cert-dir') || CERT_DIR,
    credentialProviders: credentialProvidersOf(text, problems),
    containerGc: containerGcOf(flags),
    flags: shownFlags(flags, SECRET_FLAGS),
    cloudProvider: cloudProvider === 'external' ? 'external' : 'none',
    runtimeCgroups: text('runtime-cgroups'),
    warnings: [...flags.warnings, ...files.warnings, ...warnings],
  };
  if (problems.length > 0)
    throw new ConfigError('FLAG_INVALID', { source: 'command line', problems });
  return options;
}

function containerGcOf({ given }: ParsedFlags): Options['containerGc'] {
  const number = (flag: string, otherwise: number): number => {
    const value = given.get(flag);
    return typeof value === 'number' ? value : otherwise;
  };
  return {
    minAgeMs: parseGoDuration(flagText(given.get('minimum-container-ttl-duration'))) ?? 0,
    perContainer: number('maximum-dead-containers-per-container', 1),
    total: number('maximum-dead-containers', -1),
  };
}

function credentialProvidersOf(
  text: (flag: string) => string,
  problems: Problem[],
): Options['credentialProviders'] {
  const flags = ['image-credential-provider-config', 'image-credential-provider-bin-dir'] as const;
  const [config, binDir] = [text(flags[0]), text(flags[1])];
  if (config === '' && binDir === '') return undefined;
  for (const flag of flags) {
    if (text(flag) !== '') continue;
    const other = flags.find((one) => one !== flag) ?? '';
    problems.push({ field: `--${flag}`, message: `must be set together with --${other}` });
  }
  return { config, binDir };
}

/** Headers may contain secrets. */
const SECRET_FLAGS = ['manifest-url-header'];

/** A flag takes precedence over the file; without a file, the message names the flag. */
function placeOf(field: string, { given }: ParsedFlags, path: string | undefined): ConfigPlace {
  const flag = FLAGS.find((spec) => spec.path === field)?.name;
  const byFlag = flag !== undefined && (given.has(flag) || path === undefined);
  if (byFlag) return { source: 'command line', field: `--${flag}` };
  return { source: path ?? 'command line', field };
}

function nodeIpsOf(text: string, problems: Problem[]): readonly string[] {
  const ips = text
    .split(',')
    .map((ip) => ip.trim())
    .filter((ip) => isIP(ip) !== 0);
  const families = new Set(ips.map((ip) => isIP(ip)));
  if (ips.length > families.size) {
    const message = `bad --node-ip ${JSON.stringify(text)}: must contain either a single IP or a dual-stack pair of IPs`;
    problems.push({ field: '--node-ip', message });
  } else if (ips.length === 2 && ips.some((ip) => ip === '0.0.0.0' || ip === '::')) {
    const message = `bad --node-ip ${JSON.stringify(text)}: dual-stack node IP cannot include '0.0.0.0' or '::'`;
    problems.push({ field: '--node-ip', message });
  }
  return ips;
}

/** Names in Kubernetes' own space that a node may give itself. */
const OWN_LABELS: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);
const OWN_SPACES = /(^|\.)(kubelet|node)\.kubernetes\.io\//;
const KUBERNETES_SPACES = /(^|\.)(kubernetes|k8s)\.io\//;
const LABEL_KEY = /^([a-z0-9.-]{1,253}\/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;

function nodeLabelsOf(text: string, problems: Problem[]): Readonly<Record<string, string>> {
  const labels = text
    .split(',')
    .filter((pair) => pair.trim() !== '')
    .map((pair): readonly [string, string] => {
      const at = pair.indexOf('=');
      return at < 0 ? [pair.trim(), ''] : [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
    });
  const foreign = labels.flatMap(([key]) =>
    KUBERNETES_SPACES.test(key) && !OWN_SPACES.test(key) && !OWN_LABELS.has(key) ? [key] : [],
  );
  if (foreign.length > 0) {
    const message = `unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [${foreign.join(' ')}]`;
    problems.push({ field: '--node-labels', message });
  }
  const bad = labels.filter(([key, value]) => !LABEL_KEY.test(key) || !LABEL_VALUE.test(value));
  for (const [key, value] of bad) {
    problems.push({ field: '--node-labels', message: `invalid node labels: ${key}=${value}` });
  }
  return Object.fromEntries(labels);
}
