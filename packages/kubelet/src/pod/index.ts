export type { ContainerRole, PodAction, PodPlan, WaitingReason } from './model/action.js';
export {
  allocationOf,
  amountsIn,
  type ContainerAmounts,
  effectiveResources,
  type PodAllocation,
  type Resources,
  resourcesOf,
  sameContainerAmounts,
  sameResources,
  withAllocation,
} from './model/allocation.js';
export { checkTypes } from './model/check-types.js';
export {
  CheckpointError,
  isManifestError,
  isPodRejected,
  isStartError,
  ManifestError,
  messageOf,
  PodRejected,
  StartError,
} from './model/errors.js';
export type { FailureVerdict, NodePressure, PodFacts } from './model/facts.js';
export { fnv1a32 } from './model/fnv.js';
export {
  ANNOTATION_DELETION_GRACE,
  ANNOTATION_HASH,
  ANNOTATION_MESSAGE_PATH,
  ANNOTATION_MESSAGE_POLICY,
  ANNOTATION_PORTS,
  ANNOTATION_PRE_STOP,
  ANNOTATION_RESTART_COUNT,
  ANNOTATION_TERMINATION_GRACE,
  LABEL_CONTAINER_NAME,
  LABEL_POD_NAME,
  LABEL_POD_NAMESPACE,
  LABEL_POD_UID,
} from './model/labels.js';
export {
  type ContainerObservation,
  type ContainerRunState,
  emptyObservation,
  latestOf,
  type PodObservation,
  type SandboxObservation,
} from './model/observation.js';
export {
  parsePodUid,
  podNamesProblem,
  type PodUid,
  podUidProblem,
  toPodUid,
} from './model/pod-names.js';
export {
  type Amounts,
  amountsOf,
  largestNeed,
  podLimits,
  podRequests,
  sum,
} from './model/pod-resources.js';
export {
  allContainers,
  ephemeralContainers,
  findContainer,
  HASH_ANNOTATION,
  initContainers,
  isAccepted,
  isCritical,
  isDeleting,
  isHostNetwork,
  isMirrorPod,
  isSidecar,
  isStaticPod,
  isTerminalPhase,
  MIRROR_ANNOTATION,
  podFullName,
  podLabel,
  podName,
  podNamespace,
  podUid,
  regularContainers,
  type RoledContainer,
  SEEN_ANNOTATION,
  SOURCE_ANNOTATION,
} from './model/pod-spec.js';
export type { PodStanding } from './model/pod-standing.js';
export { type QosClass, qosClass } from './model/qos.js';
export {
  type ContainerResize,
  RESIZE_IN_PROGRESS,
  RESIZE_PENDING,
  type ResizeCondition,
  type ResizeConditions,
} from './model/resize.js';
export { containerSpecHash } from './model/spec-hash.js';
export type { ContainerVerdicts, ProbeVerdicts, Verdict } from './model/verdict.js';
export { expandReferences, expandWords, LONGEST_EXPANSION } from './plan/expansion.js';
export { containerGraceSeconds, podGraceSeconds } from './plan/grace.js';
export { isPodGone } from './plan/pod-gone.js';
export {
  initExitCode,
  mayRestartAll,
  policyRestarts,
  restartAllSources,
  restartsAfterExit,
  restartsAfterKill,
} from './plan/restart-policy.js';
export type {
  ManifestFiles,
  ManifestListing,
  ManifestUrl,
  NodeView,
  PodEvents,
  PodLeftovers,
  PodProbes,
  PodReporter,
  PodResizes,
  PodRuntime,
  PodSource,
  PodVolumes,
  ResizePodRequest,
  ResourceRecordFile,
  RuntimePod,
  RuntimeView,
  StartContainerRequest,
  StopContainerRequest,
} from './ports.js';
