export {
  crashLoopMemory,
  type CrashLoopRules,
  DEFAULT_CRASH_LOOP_RULES,
} from './plan/crash-loop.js';
export { planPod } from './plan/plan-pod.js';
export type { PlanContext } from './plan/plan-steps.js';
export { sandboxProblem } from './plan/sandbox-change.js';
