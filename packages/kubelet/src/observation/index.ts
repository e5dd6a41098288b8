export type { Made, MessageFiles, PodChanges } from './ports.js';
