export { CONFIG_KIND, type KubeletConfig } from './model/config-file.js';
export { hardThresholds } from './plan/eviction-reserve.js';
export { type ConfigLayers, parseKubeletConfig, statusReportMs } from './plan/parse-config.js';
export { renderConfig } from './render/config-file.js';
