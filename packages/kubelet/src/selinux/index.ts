export type { ContainerLabels } from './model/container-labels.js';
export type { LabelledVolume } from './model/labelled-volume.js';
export { contextOption } from './plan/volume-label.js';
