export type { KubeletConfig } from './model/config.js';
export { CONFIG_FIELDS, CONFIG_KIND, type ConfigDocument } from './model/config-file.js';
export { parseCpuSet } from './model/cpu-set.js';
export { FIXED_FEATURES } from './model/fixed-features.js';
export { parseThreshold, type Threshold } from './model/threshold.js';
export { UNUSED_FIELDS } from './model/unused-fields.js';
export { type ConfigLayers, parseKubeletConfig } from './plan/parse-config.js';
export { renderConfig } from './render/config-file.js';
