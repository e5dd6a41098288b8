import {
  type ContainerObservation,
  type ContainerRunState,
  initContainers,
  initExitCode,
  latestOf,
  type PodAction,
  regularContainers,
  restartsAfterExit,
  restartsAfterKill,
  type RoledContainer,
} from '../../pod/index.js';
import { resizeNeed } from '../../resize/index.js';
import { isOutdated, type PlanSubject, startStep, stopStep, verdictsOf } from './plan-steps.js';

export interface InitPlan {
  /** Stops first, then starts in the order of the spec. */
  readonly actions: readonly PodAction[];
  /** Regular containers may start. */
  readonly initialised: boolean;
  /** The pod has failed: an init container ended badly and must not run again. */
  readonly failed?: string;
}

/** The result of one init container, for itself and for those after it. */
interface InitStep {
  readonly actions: readonly PodAction[];
  /** The next init container may start or, after the last one, the regular containers. */
  readonly done?: true;
  readonly failed?: string;
}

/**
 * Plans the init containers, one after the other. A sidecar is done once it has started, and is
 * kept running from then on. The walk goes from the last to the first: the last one that was ever
 * seen shows how far the pod has come.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_container.go,
 *   computeInitContainerActions
 */
export function planInitContainers(subject: PlanSubject): InitPlan {
  const inits = initContainers(subject.pod);
  if (inits.length === 0) return { actions: [], initialised: true };
  let initialised = hasRegularContainer(subject);
  let past = initialised;
  const steps: (readonly PodAction[])[] = [];
  for (let i = inits.length - 1; i >= 0; i -= 1) {
    const roled = inits[i] as RoledContainer;
    const record = latestOf(subject.seen, roled.spec.name);
    if (record === undefined) {
      if (past && roled.role === 'sidecar') {
        steps.unshift([startStep(subject, roled, 'a sidecar is missing')]);
      }
      continue;
    }
    if (past && roled.role === 'init') continue;
    const step = planSeenInit(subject, roled, record);
    if (step.failed !== undefined) {
      return { actions: [], initialised: false, failed: step.failed };
    }
    const next = inits[i + 1];
    if (step.done && !past) {
      if (next === undefined) initialised = true;
      else steps.unshift([startStep(subject, next, `init container ${roled.spec.name} is done`)]);
    }
    steps.unshift(step.actions);
    past = true;
  }
  if (!past) {
    return {
      actions: [startStep(subject, inits[0] as RoledContainer, 'the first init container')],
      initialised: false,
    };
  }
  return { actions: stopsFirst(steps.flat()), initialised };
}

function planSeenInit(
  subject: PlanSubject,
  roled: RoledContainer,
  record: ContainerObservation,
): InitStep {
  switch (record.state.kind) {
    case 'created':
      return { actions: [startStep(subject, roled, 'created but never started')] };
    case 'running':
      return roled.role === 'sidecar'
        ? planRunningSidecar(subject, roled, record)
        : { actions: [] };
    case 'exited':
      return planExitedInit(subject, roled, record.state);
    case 'unknown':
      return planUnknownInit(subject, roled, record);
  }
}

function planExitedInit(
  subject: PlanSubject,
  roled: RoledContainer,
  { exitCode, reason }: Extract<ContainerRunState, { kind: 'exited' }>,
): InitStep {
  const { name } = roled.spec;
  if (roled.role === 'sidecar') {
    return { actions: [startStep(subject, roled, `the sidecar ended with exit code ${exitCode}`)] };
  }
  const counted = initExitCode({ exitCode, reason });
  if (counted === 0) return { actions: [], done: true };
  const how = exitCode === counted ? `failed with exit code ${exitCode}` : 'ran out of memory';
  if (!restartsAfterExit(subject.pod, roled.spec, counted)) {
    return { actions: [], failed: `init container ${name} ${how}` };
  }
  return { actions: [startStep(subject, roled, `it ${how}`)] };
}

function planUnknownInit(
  subject: PlanSubject,
  roled: RoledContainer,
  record: ContainerObservation,
): InitStep {
  const { name } = roled.spec;
  if (!restartsAfterKill(subject.pod, roled.spec)) {
    return { actions: [], failed: `init container ${name} is in an unknown state` };
  }
  const why = `Init container is in "unknown" state, try killing it before restart`;
  return {
    actions: [
      stopStep(subject, { roled, id: record.id }, why),
      startStep(subject, roled, 'its state was unknown'),
    ],
  };
}

function planRunningSidecar(
  subject: PlanSubject,
  roled: RoledContainer,
  record: ContainerObservation,
): InitStep {
  const { name } = roled.spec;
  const { startup, liveness } = verdictsOf(subject, record.id);
  const restart = (why: string, probe?: 'liveness' | 'startup'): readonly PodAction[] => [
    stopStep(subject, { roled, id: record.id, ...(probe && { probe }) }, why),
    startStep(subject, roled, why),
  ];
  if (roled.spec.startupProbe !== undefined && startup !== 'success') {
    if (startup !== 'failure') return { actions: [] };
    return { actions: restart(`Init container ${name} failed startup probe`, 'startup') };
  }
  if (isOutdated(roled, record)) {
    return { actions: restart(`Init container ${name} definition changed`), done: true };
  }
  if (liveness === 'failure') {
    return {
      actions: restart(`Init container ${name} failed liveness probe`, 'liveness'),
      done: true,
    };
  }
  if (resizeNeed(subject, roled.spec, record).kind === 'restart') {
    return { actions: restart(`Container ${name} resize requires restart`), done: true };
  }
  return { actions: [], done: true };
}

/** Exited containers do not count: they may belong to a lost sandbox. */
function hasRegularContainer({ pod, seen }: PlanSubject): boolean {
  return regularContainers(pod).some(({ spec }) => {
    const state = latestOf(seen, spec.name)?.state.kind;
    return state === 'created' || state === 'running';
  });
}

function stopsFirst(actions: readonly PodAction[]): readonly PodAction[] {
  const isStop = ({ kind }: PodAction): boolean => kind === 'stop-container';
  return [...actions.filter(isStop), ...actions.filter((action) => !isStop(action))];
}
