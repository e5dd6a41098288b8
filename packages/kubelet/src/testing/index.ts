export {
  aContainer,
  aContainerSpec,
  anObservation,
  aNode,
  aPod,
  aSandbox,
  exited,
  running,
} from './builders.js';
export { MemoryDisk } from './memory-disk.js';
export { MemoryKernelSettings } from './memory-kernel-settings.js';
export { MemoryManifestFiles } from './memory-manifest-files.js';
export { MemoryMounts } from './memory-mounts.js';
export { createMemoryNode, type MemoryNode, type MemoryNodeOptions } from './memory-node.js';
export { createMemoryNodeFiles } from './memory-node-files.js';
export { type MemoryBehaviour, MemoryPodRuntime } from './memory-pod-runtime.js';
export { MemoryPodVolumes, type MemoryPodVolumesOptions } from './memory-pod-volumes.js';
export { MemoryNodeView, MemoryPodEvents, MemoryPodProbes } from './memory-ports.js';
export { MemoryDirectoryReadings, MemoryMachineReadings } from './memory-readings.js';
export { noClaimedVolumes } from './no-claimed-volumes.js';
