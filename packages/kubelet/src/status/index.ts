export type { StatusInput } from './model/status-input.js';
export { podStatus } from './plan/pod-status.js';
export { heldStatus, statusPatch } from './plan/status-patch.js';
