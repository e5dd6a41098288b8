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

import type { KubeletConfig } from '../model/config.js';
import { type ConfigFile, configSchema } from '../model/config-file.js';
import { withDependentDefaults } from './dependent-defaults.js';
import { settingsOf } from './settings-of.js';
import { configProblems } from './validate.js';

/** How a kubelet without a configuration file differs from one with an empty file. */
const WITHOUT_FILE: PlainObject = {
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  readOnlyPort: 10_255,
};

/** Relative ones are meant from the file's directory. */
const PATH_FIELDS = [
  ['staticPodPath'],
  ['authentication', 'x509', 'clientCAFile'],
  ['tlsCertFile'],
  ['tlsPrivateKeyFile'],
  ['resolvConf'],
  ['volumePluginDir'],
  ['podLogsDir'],
] as const;

export interface ConfigLayers {
  /** Undefined without `--config`. */
  readonly file?: Readonly<{ value: PlainObject; directory: string }> | undefined;
  /** In the order of their names. */
  readonly dropIns?: readonly PlainObject[];
  readonly flags?: PlainObject;
  /** Names where the values come from, for messages. */
  readonly source?: string;
}

/**
 * The configuration in force: defaults, file, drop-ins, flags, each over the one before. Maps and
 * lists of a flag replace those of the file, feature gates merge.
 *
 * @throws {ConfigError} `CONFIG_INVALID` with everything that is wrong
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
  return { config, warnings: checked.warnings };
}

/** Fields that are wrong take their defaults, so that breaches of rules between fields are reported too. */
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
