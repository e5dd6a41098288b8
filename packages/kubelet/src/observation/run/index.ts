export { createRuntimeView } from './runtime-view.js';
