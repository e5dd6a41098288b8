export { runLogRotation } from './log-rotation.js';
