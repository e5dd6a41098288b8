export {
  checkConfig,
  type CheckedConfig,
  type ConfigKind,
  type LooseConfig,
  parseConfigFile,
} from './codec/decode-config.js';
export {
  flagsToConfig,
  isPlainObject,
  mergePatch,
  type PlainObject,
} from './codec/flags-to-config.js';
export {
  type Features,
  featureWarnings,
  isFeatureName,
  parseFeatures,
  parseGateValues,
} from './codec/parse-features.js';
export { parseFlags } from './codec/parse-flags.js';
export { ConfigError, type ConfigErrorCode, isConfigError, type Problem } from './model/errors.js';
export {
  FEATURE_GATES,
  type FeatureGate,
  type FeatureName,
  type FeatureStage,
} from './model/feature-gates.js';
export type { FlagKind, FlagSpec, FlagValue, ParsedFlags } from './model/flag.js';
export type { LogSettings, ModuleVerbosity } from './model/log-settings.js';
export { LOGGING_FLAGS } from './model/logging-flags.js';
export { Verbosity } from './model/verbosity.js';
export { KUBERNETES_VERSION, PREVIOUS_VERSION } from './model/version.js';
export { originOf } from './plan/origin.js';
export { type UnusedFields, unusedFieldWarnings } from './plan/unused-fields.js';
export type { Profiler, ServiceManager } from './ports.js';
export { flagText, shownFlags } from './render/flags.js';
export { type ProgramText, renderHelp } from './render/help.js';
export { flagzPage, type ProgramSelf, statuszPage, type ZPage } from './render/zpages.js';
export { logSpans } from './run/log-spans.js';
export { PROFILE_PATH, type ProfilePage, profilePage } from './run/profile-page.js';
export { recordFeatures } from './run/record-features.js';
export { tellServiceManager, type TellServiceManagerOptions } from './run/tell-service-manager.js';
export { VERBOSITY_PATH, verbosityPage } from './run/verbosity-page.js';
