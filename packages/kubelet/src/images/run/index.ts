export { detailOf, Images, type PulledImage } from './images.js';
export { createPullMeter, type PullMeter } from './pull-metrics.js';
