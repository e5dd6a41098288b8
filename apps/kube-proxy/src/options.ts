import {
  ConfigError,
  flagsToConfig,
  flagText,
  LOGGING_FLAGS,
  type LooseConfig,
  mergePatch,
  type ParsedFlags,
  type PlainObject,
  shownFlags,
} from '@nodeagent/component-base';
import { parseProxyConfig, type ProxyConfig } from '@nodeagent/kube-proxy';

import { FLAGS } from './flags.js';

/** The task that the command line asks for. */
export type Task = 'write-config' | 'cleanup' | 'init-only' | 'run';

export interface Options {
  readonly task: Task;
  readonly config: ProxyConfig;
  /** The configuration file; a change of it ends the process. */
  readonly configPath: string | undefined;
  readonly writeConfigTo: string;
  readonly master: string | undefined;
  /** In lower case; this host's name when absent. */
  readonly nodeName: string | undefined;
  /** The given flags, for `/flagz`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/**
 * Merges flags and file by upstream's rules: with a file, only the logging flags and a few others
 * count. @see Kubernetes 1.36 cmd/kube-proxy/app/options.go
 *
 * @throws {ConfigError} with all problems
 */
export async function readOptions(
  flags: ParsedFlags,
  readFile: (path: string) => Promise<LooseConfig>,
): Promise<Options> {
  const text = (name: string): string => flagText(flags.given.get(name));
  const configPath = text('config') === '' ? undefined : text('config');
  const source = configPath ?? 'command line';
  const fromFile = configPath === undefined ? undefined : await readFile(configPath);
  const wanted =
    fromFile === undefined
      ? configFromFlags(flags, text('write-config-to') === '')
      : mergePatch(fromFile.value, flagsToConfig(LOGGING_FLAGS, flags));
  const servers = serversFrom(flags, fromFile === undefined && text('write-config-to') === '');
  const { config, warnings } = parseProxyConfig(wanted, source, servers);
  return {
    task: taskOf(flags),
    config,
    configPath,
    writeConfigTo: text('write-config-to'),
    master: text('master') === '' ? undefined : text('master'),
    nodeName: nodeNameFrom(flags, config),
    flags: shownFlags(flags),
    warnings: [...flags.warnings, ...(fromFile?.warnings ?? []), ...warnings],
  };
}

function taskOf({ given }: ParsedFlags): Task {
  const isSet = (name: string): boolean => given.get(name) === true;
  if ((given.get('write-config-to') ?? '') !== '') return 'write-config';
  if (isSet('cleanup')) return 'cleanup';
  return isSet('init-only') ? 'init-only' : 'run';
}

/** Port 0 switches a server off; another port is added to an address that has none. */
function serversFrom({ given }: ParsedFlags, portsCount: boolean) {
  const isOn = (flag: string): boolean => !portsCount || given.get(flag) !== 0;
  return { healthz: isOn('healthz-port'), metrics: isOn('metrics-port') };
}

function configFromFlags(flags: ParsedFlags, portsCount: boolean): PlainObject {
  const config = { ...flagsToConfig(FLAGS, flags) };
  if (!portsCount) return config;
  for (const [flag, field, any] of [
    ['healthz-port', 'healthzBindAddress', '0.0.0.0'],
    ['metrics-port', 'metricsBindAddress', '127.0.0.1'],
  ] as const) {
    const port = flags.given.get(flag);
    if (port === undefined || port === 0) continue;
    const given = config[field];
    const address = typeof given === 'string' ? given : any;
    const isV6 = address.includes(':') && !address.includes(']');
    const hasPort = /^[^:]+:\d+$|\]:\d+$/.test(address);
    if (!hasPort) config[field] = `${isV6 ? `[${address}]` : address}:${flagText(port)}`;
  }
  return config;
}

function nodeNameFrom({ given }: ParsedFlags, config: ProxyConfig): string | undefined {
  const flag = given.get('hostname-override');
  const name = flagText(flag ?? config.hostnameOverride);
  if (name === '') return undefined;
  const trimmed = name.trim().toLowerCase();
  if (trimmed !== '') return trimmed;
  const problems = [{ field: '--hostname-override', message: 'must not be blank' }];
  throw new ConfigError('FLAG_INVALID', { source: 'command line', problems });
}
