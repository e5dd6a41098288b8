export { type ContainerVolumes, createContainerVolumes } from './container-volumes.js';
export { CountedVolumes } from './counted-volumes.js';
export { inStep } from './in-step.js';
export { createPodVolumes, type PodVolumesOptions } from './pod-volumes.js';
export { shareRootDir } from './share-root.js';
export { warnOfSwap } from './warn-of-swap.js';
