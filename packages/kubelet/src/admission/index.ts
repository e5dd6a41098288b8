export type {
  AdmissionContext,
  Judgement,
  PodAdmissionRules,
  SysctlRules,
} from './model/context.js';
export { judgePod } from './plan/admission.js';
export { unsafeSysctlProblem } from './plan/admission-sysctls.js';
export { chooseVictims } from './plan/preemption.js';
