export { ContainerCollector } from './container-collector.js';
export { ImageCollector } from './image-collector.js';
