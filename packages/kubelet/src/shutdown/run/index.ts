export { NodeShutdown, type NodeShutdownOptions } from './node-shutdown.js';
