export { type LogRotationOptions, runLogRotation } from './log-rotation.js';
