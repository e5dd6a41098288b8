export type { PodChanges } from './ports.js';
