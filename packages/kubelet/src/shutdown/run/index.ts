export { NodeShutdown } from './node-shutdown.js';
