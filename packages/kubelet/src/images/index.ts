export type { ImageUser } from './model/image-user.js';
export type { PullRules } from './model/pull-rules.js';
export { allowlistProblem } from './plan/pull-verification.js';
export type { PullHistory, PullRecordFiles } from './ports.js';
