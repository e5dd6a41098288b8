export type { PodAction, PodPlan } from './model/action.js';
export {
  amountsIn,
  type ContainerAmounts,
  effectiveResources,
  type Resources,
  resourcesOf,
  sameResources,
} from './model/allocation.js';
export {
  type ContainerResize,
  RESIZE_IN_PROGRESS,
  RESIZE_PENDING,
  type ResizeCondition,
  type ResizeConditions,
} from './model/resize.js';
export { isManifestError, isStartError, StartError } from './model/errors.js';
export type { FailureVerdict, PodFacts } from './model/facts.js';
export {
  type ContainerObservation,
  type ContainerRunState,
  emptyObservation,
  type PodObservation,
  type SandboxObservation,
} from './model/observation.js';
export { parsePodUid, type PodUid, toPodUid } from './model/pod-names.js';
export {
  allContainers,
  ephemeralContainers,
  findContainer,
  initContainers,
  isCritical,
  isDeleting,
  isHostNetwork,
  isStaticPod,
  isTerminalPhase,
  podLabel,
  podName,
  podNamespace,
  podUid,
  regularContainers,
  type RoledContainer,
} from './model/pod-spec.js';
export { qosClass, type QosClass } from './model/qos.js';
export { containerSpecHash } from './model/spec-hash.js';
export { type ContainerVerdicts } from './model/verdict.js';
export { expandReferences, expandWords, LONGEST_EXPANSION } from './plan/expansion.js';
export { containerGraceSeconds } from './plan/grace.js';
export { latestOf } from './plan/plan-steps.js';
export { isPodGone } from './plan/pod-gone.js';
export {
  mayRestartAll,
  initExitCode,
  policyRestarts,
  restartAllSources,
  restartsAfterExit,
} from './plan/restart-policy.js';
export { sandboxProblem } from './plan/sandbox-change.js';
export type {
  ManifestFiles,
  ManifestListing,
  ManifestUrl,
  NodeView,
  PodEvents,
  PodLeftovers,
  PodProbes,
  PodReporter,
  PodRuntime,
  PodSource,
  PodVolumes,
  ResizePodRequest,
  ResourceRecordFile,
  RuntimeEvents,
  RuntimePod,
  StateComparison,
  ToldStates,
  StartContainerRequest,
  StopContainerRequest,
} from './ports.js';
export { createApiSource } from './run/api-source.js';
export { DesiredPods } from './run/desired-pods.js';
export { Gate } from './run/gate.js';
export { runHousekeeping } from './run/housekeeping.js';
export { PodCounts } from './run/pod-counts.js';
export { PodWorkers } from './run/pod-workers.js';
export { ResourceRecords } from './run/resource-records.js';
export { type ResizeRules } from './plan/resize-limits.js';
export {
  crashLoopMemory,
  type CrashLoopRules,
  DEFAULT_CRASH_LOOP_RULES,
} from './plan/crash-loop.js';
export { executePlan } from './run/execute-plan.js';
export {
  type AdmissionContext,
  type PodAdmissionRules,
  type Judgement,
  judgePod,
} from './plan/admission.js';
export { type NodePressure } from './plan/admission-pressure.js';
export { type SysctlRules, unsafeSysctlProblem } from './plan/admission-sysctls.js';
export { chooseVictims } from './plan/preemption.js';
export { type ManifestOrigin, prepareStaticPod } from './plan/static-pod.js';
export { parsePodManifest, parsePodManifests } from './codec/manifest.js';
export { type AdmissionHooks } from './run/admission.js';
export { createFileSource } from './run/file-source.js';
export { createHttpSource } from './run/http-source.js';
export { MirrorPods } from './run/mirror-pods.js';
export { type PlanContext } from './plan/plan-steps.js';
export { planPod } from './plan/plan-pod.js';
export { type Amounts, largestNeed, podLimits, podRequests } from './model/pod-resources.js';
export { createCriExecRunner } from './run/cri-exec-runner.js';
export { createPodEvents } from './run/pod-events.js';
export { ManagedProbes } from './run/pod-probes.js';
export { meterPodRuntime, meterReporter, type PullTimes } from './run/pod-metrics.js';
export { createStepMeter } from './run/worker-metrics.js';
