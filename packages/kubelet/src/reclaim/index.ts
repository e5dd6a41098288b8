export { type ContainerGcPolicy, DEFAULT_CONTAINER_GC } from './model/container-gc.js';
export type { ImageGcPolicy } from './model/image-gc.js';
export type { LogLinks } from './ports.js';
