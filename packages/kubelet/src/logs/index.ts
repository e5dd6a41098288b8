export type { RotationFiles } from './ports.js';
