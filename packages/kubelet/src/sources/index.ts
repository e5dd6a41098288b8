export { parsePodManifest, parsePodManifests } from './codec/manifest.js';
export type { ManifestOrigin } from './model/manifest-origin.js';
export { prepareStaticPod } from './plan/static-pod.js';
