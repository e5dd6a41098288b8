export { createApiSource } from './api-source.js';
export { DesiredPods } from './desired-pods.js';
export { createFileSource } from './file-source.js';
export { createHttpSource } from './http-source.js';
export { MirrorPods, type StaticPodState } from './mirror-pods.js';
