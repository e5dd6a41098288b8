export { VolumeLabels } from './volume-labels.js';
