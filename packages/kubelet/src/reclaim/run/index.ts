export { removeDeadContainers } from './dead-containers.js';
export { ImageCollector } from './image-collector.js';
