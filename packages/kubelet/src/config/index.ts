export type { KubeletConfig } from './model/config.js';
export { CONFIG_KIND } from './model/config-file.js';
export { type ConfigLayers, parseKubeletConfig } from './plan/parse-config.js';
export { renderConfig } from './render/config-file.js';
