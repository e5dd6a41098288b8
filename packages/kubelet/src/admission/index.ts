export type {
  AdmissionContext,
  Judgement,
  NodePressure,
  PodAdmissionRules,
  SysctlRules,
} from './model/context.js';
export { judgePod } from './plan/admission.js';
export { unsafeSysctlProblem } from './plan/admission-sysctls.js';
export { chooseVictims } from './plan/preemption.js';
