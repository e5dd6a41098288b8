export { planResize, resizeNeed } from './plan/plan-resize.js';
export type { ResizeRules } from './plan/resize-limits.js';
