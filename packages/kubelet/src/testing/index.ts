export {
  aContainer,
  aContainerSpec,
  aNode,
  anObservation,
  aPod,
  aSandbox,
  exited,
  running,
} from './builders.js';
export { MemoryManifestFiles } from './memory-manifest-files.js';
export { type MemoryBehaviour, MemoryPodRuntime } from './memory-pod-runtime.js';
export {
  MemoryNodeView,
  MemoryPodEvents,
  MemoryPodProbes,
  MemoryPodVolumes,
} from './memory-ports.js';
export {
  type MemoryCgroup,
  MemoryCgroupReadings,
  MemoryDirectoryReadings,
  MemoryMachineReadings,
} from './memory-readings.js';
