export { Observer } from './observer.js';
export { createRuntimeWatch } from './runtime-watch.js';
