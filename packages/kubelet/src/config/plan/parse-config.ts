import {
  checkConfig,
  type CheckedConfig,
  ConfigError,
  isConfigError,
  isPlainObject,
  mergePatch,
  type PlainObject,
  type Problem,
} from '@nodeagent/component-base';
import { documentOf } from '@nodeagent/component-base/config-fields';

import type { KubeletConfig } from '../model/config.js';
import { type ConfigFile, configSchema } from '../model/config-file.js';
import { configWarnings } from './config-warnings.js';
import { withDependentDefaults } from './dependent-defaults.js';
import { settingsOf } from './settings-of.js';
import { configProblems } from './validate.js';

/** Differences between a kubelet without a configuration file and one with an empty file. */
const WITHOUT_FILE: PlainObject = {
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  readOnlyPort: 10_255,
};

/** A configuration file that sets nothing. */
const USUAL = documentOf(checkConfig(configSchema, withDependentDefaults({}), 'defaults').config);

/** Paths in these fields may be relative to the file's directory. */
const PATH_FIELDS = [
  ['staticPodPath'],
  ['authentication', 'x509', 'clientCAFile'],
  ['tlsCertFile'],
  ['tlsPrivateKeyFile'],
  ['resolvConf'],
  ['volumePluginDir'],
  ['podLogsDir'],
] as const;

/** The sources of a configuration, each of which overrides those before it. */
export interface ConfigLayers {
  /** Undefined without `--config`. */
  readonly file?: Readonly<{ value: PlainObject; directory: string }> | undefined;
  /** Ordered by file name. */
  readonly dropIns?: readonly PlainObject[];
  readonly flags?: PlainObject;
  /** Origin of the values, for messages. */
  readonly source?: string;
}

/**
 * Merges defaults, file, drop-ins and flags; each overrides the one before. A map or list of a flag
 * replaces that of the file; feature gates are merged.
 *
 * @throws {ConfigError} `CONFIG_INVALID` with every problem found
 * @example
 * ```ts
 * import { parseKubeletConfig } from '@nodeagent/kubelet';
 *
 * const { config } = parseKubeletConfig({ flags: { maxPods: 20 } });
 * console.log(config.maxPods, config.nodeStatusUpdateFrequencyMs); // 20 10000
 * ```
 */
export function parseKubeletConfig(layers: ConfigLayers = {}): CheckedConfig<KubeletConfig> {
  const { file, dropIns = [], flags = {}, source = 'KubeletConfiguration' } = layers;
  const base =
    file === undefined
      ? { ...WITHOUT_FILE, ...withDependentDefaults(undefined) }
      : withAbsolutePaths(withDependentDefaults(file.value), file.directory);
  const merged = dropIns.reduce<unknown>((below, dropIn) => mergePatch(below, dropIn), base);
  const wanted = withFlags(isPlainObject(merged) ? merged : {}, flags);
  const checked = checkFields(wanted, source);
  const config = settingsOf(checked.config);
  const problems = [...checked.problems, ...configProblems(checked.config, config)];
  if (problems.length > 0) throw new ConfigError('CONFIG_INVALID', { source, problems });
  const inert = configWarnings(wanted, config.document, USUAL).map((line) => `${source}: ${line}`);
  return { config, warnings: [...checked.warnings, ...inert] };
}

/** Replaces wrong fields by their defaults, so that rules between fields can be checked too. */
function checkFields(
  wanted: PlainObject,
  source: string,
): CheckedConfig<ConfigFile> & Readonly<{ problems: readonly Problem[] }> {
  try {
    return { ...checkConfig(configSchema, wanted, source), problems: [] };
  } catch (error) {
    if (!isConfigError(error, 'CONFIG_INVALID')) throw error;
    const wrong = new Set(error.problems.map(({ field }) => /^[^.[]*/.exec(field)?.[0]));
    const right = Object.entries(wanted).filter(([field]) => !wrong.has(field));
    const rest = checkConfig(configSchema, Object.fromEntries(right), source);
    return { ...rest, problems: error.problems };
  }
}

function withFlags(config: PlainObject, flags: PlainObject): PlainObject {
  const merged = { ...config };
  for (const [field, value] of Object.entries(flags)) {
    const nested = field === 'authentication' || field === 'authorization' || field === 'logging';
    const merges = nested || field === 'featureGates';
    merged[field] = merges ? mergePatch(merged[field], value) : value;
  }
  return merged;
}

function withAbsolutePaths(value: PlainObject, directory: string): PlainObject {
  return PATH_FIELDS.reduce<PlainObject>((config, path) => {
    const given = path.reduce<unknown>(
      (at, key) => (isPlainObject(at) ? at[key] : undefined),
      config,
    );
    if (typeof given !== 'string' || given === '' || given.startsWith('/')) return config;
    const patch = path.reduceRight<unknown>(
      (inner, key) => ({ [key]: inner }),
      `${directory}/${given}`,
    );
    return mergePatch(config, patch) as PlainObject;
  }, value);
}
