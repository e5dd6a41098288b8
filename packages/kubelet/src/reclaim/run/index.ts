export { ImageCollector } from './image-collector.js';
