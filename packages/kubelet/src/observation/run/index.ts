export { createRuntimeView, type RuntimeViewPorts } from './runtime-view.js';
