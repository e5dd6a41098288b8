import type { KubeletConfig } from '../../config/index.js';
import type { ImageGcPolicy } from '../../reclaim/index.js';

export function imageGcPolicy(config: KubeletConfig): ImageGcPolicy {
  return {
    highPercent: config.imageGCHighThresholdPercent,
    lowPercent: config.imageGCLowThresholdPercent,
    minAgeMs: config.imageMinimumGcAgeMs,
    maxAgeMs: config.imageMaximumGcAgeMs,
  };
}
