import type { Pod } from '@nodeagent/kube-client';

import {
  type ContainerObservation,
  ephemeralContainers,
  initContainers,
  latestOf,
  type PodAction,
  type PodObservation,
  type PodPlan,
  regularContainers,
  restartAllSources,
  restartsAfterExit,
  restartsAfterKill,
  type RoledContainer,
} from '../../pod/index.js';
import { planResize, resizeNeed } from '../../resize/index.js';
import { planInitContainers } from './plan-init.js';
import { planRestartAll } from './plan-restart-all.js';
import {
  isOutdated,
  nextRestartCount,
  type PlanContext,
  type PlanSubject,
  startStep,
  stopStep,
  verdictsOf,
} from './plan-steps.js';
import { nextAttempt, sandboxProblem } from './sandbox-change.js';

/**
 * Plans the next steps, in order, for a pod that should run. An empty plan means that the pod is in
 * its desired state or has ended. The plan of a pod that is held back contains only
 * `hold-container` steps.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_manager.go, computePodActions
 */
export function planPod(pod: Pod, seen: PodObservation, context: PlanContext): PodPlan {
  const subject = { pod, seen, context };
  const sources = restartAllSources(pod, seen);
  if (sources.length > 0) return planRestartAll(seen, sources);
  const problem = sandboxProblem(pod, seen);
  return problem === undefined ? planInSandbox(subject) : planNewSandbox(subject, problem);
}

function planNewSandbox(subject: PlanSubject, why: string): PodPlan {
  const { pod, seen } = subject;
  const attempt = nextAttempt(seen);
  const stop: PodPlan =
    seen.sandboxes.length > 0 || seen.containers.some(mayRun)
      ? [{ kind: 'stop-pod', graceSeconds: undefined, why }]
      : [];
  const onceOnly = pod.spec?.restartPolicy === 'Never';
  if (onceOnly && attempt > 0 && seen.containers.length > 0) {
    return planStopIfRunning(seen, 'the sandbox is gone and the pod runs only once');
  }
  const wanted = regularContainers(pod).filter((roled) => !hasSucceededForGood(subject, roled));
  const everCreated = regularContainers(pod).some(({ spec }) => latestOf(seen, spec.name));
  if (wanted.length === 0 && everCreated) {
    return planStopIfRunning(seen, 'the sandbox is gone and all containers have succeeded');
  }
  const inits = initContainers(pod);
  const purge = inits.flatMap(({ spec }) =>
    seen.containers
      .filter(({ name }) => name === spec.name)
      .map(({ id, name }): PodAction => {
        return { kind: 'remove-container', id, name, why: 'init containers run again' };
      }),
  );
  const first = inits[0];
  const starts =
    first === undefined
      ? wanted.map((roled) => startStep(subject, roled, 'the sandbox is new'))
      : [startAnew(subject, first)];
  return [...stop, ...purge, { kind: 'create-sandbox', attempt, why }, ...starts];
}

/** Starts the first init container without a back-off; its restart count continues. */
function startAnew(subject: PlanSubject, { role, spec }: RoledContainer): PodAction {
  const restartCount = nextRestartCount(subject, spec.name);
  return {
    kind: 'start-container',
    name: spec.name,
    role,
    restartCount,
    why: 'the sandbox is new',
  };
}

function planStopIfRunning(seen: PodObservation, why: string): PodPlan {
  const something = seen.containers.some(mayRun) || seen.sandboxes.some(({ ready }) => ready);
  return something ? [{ kind: 'stop-pod', graceSeconds: undefined, why }] : [];
}

function hasSucceededForGood({ pod, seen }: PlanSubject, { spec }: RoledContainer): boolean {
  if ((spec.restartPolicy ?? pod.spec?.restartPolicy) !== 'OnFailure') return false;
  const state = latestOf(seen, spec.name)?.state;
  return state?.kind === 'exited' && state.exitCode === 0;
}

function planInSandbox(subject: PlanSubject): PodPlan {
  const { pod, seen } = subject;
  const ephemeral = ephemeralContainers(pod)
    .filter(({ spec }) => latestOf(seen, spec.name) === undefined)
    .map((roled) => startStep(subject, roled, 'an ephemeral container was added'));
  const init = planInitContainers(subject);
  if (init.failed !== undefined) return planStopIfRunning(seen, init.failed);
  if (!init.initialised) {
    return [...init.actions, ...ephemeral, ...planResize(subject, init.actions)];
  }
  const regular = regularContainers(pod).map((roled) => planRegular(subject, roled));
  if (regular.every((decision) => decision.kind === 'done')) {
    return planStopIfRunning(seen, 'all containers have ended for good');
  }
  const actions = regular.flatMap((decision) => decision.actions);
  const isStop = ({ kind }: PodAction): boolean => kind === 'stop-container';
  const stops = [...init.actions, ...actions].filter(isStop);
  const before = [...ephemeral, ...init.actions].filter((action) => !isStop(action));
  const starts = actions.filter((action) => !isStop(action));
  return [...stops, ...before, ...planResize(subject, stops), ...starts];
}

/** `kept`: it runs or will run. `done`: it has ended and will not run again. */
type Decision = Readonly<{ kind: 'kept' | 'done'; actions: readonly PodAction[] }>;

function planRegular(subject: PlanSubject, roled: RoledContainer): Decision {
  const record = latestOf(subject.seen, roled.spec.name);
  const started = (why: string): Decision => {
    return { kind: 'kept', actions: [startStep(subject, roled, why)] };
  };
  if (record === undefined) return started('it was never started');
  switch (record.state.kind) {
    case 'created':
      return started('created but never started');
    case 'running':
      return planRunning(subject, roled, record);
    case 'exited': {
      const { exitCode } = record.state;
      if (restartsAfterExit(subject.pod, roled.spec, exitCode)) {
        return started(`it ended with exit code ${exitCode}`);
      }
      return { kind: 'done', actions: [] };
    }
    case 'unknown': {
      const why = `Container is in "unknown" state, try killing it before restart`;
      const stop = stopStep(subject, { roled, id: record.id }, why);
      const start = startStep(subject, roled, 'its state was unknown');
      return { kind: 'kept', actions: [stop, start] };
    }
  }
}

function planRunning(
  subject: PlanSubject,
  roled: RoledContainer,
  record: ContainerObservation,
): Decision {
  const { name } = roled.spec;
  if (isOutdated(roled, record)) {
    const why = `Container ${name} definition changed, will be restarted`;
    const stop = stopStep(subject, { roled, id: record.id }, why);
    return { kind: 'kept', actions: [stop, startStep(subject, roled, 'its definition changed')] };
  }
  const { liveness, startup } = verdictsOf(subject, record.id);
  const probe = liveness === 'failure' ? 'liveness' : 'startup';
  if (liveness !== 'failure' && startup !== 'failure') return planKept(subject, roled, record);
  const again = restartsAfterKill(subject.pod, roled.spec);
  const why = `Container ${name} failed ${probe} probe${again ? ', will be restarted' : ''}`;
  const stop = stopStep(subject, { roled, id: record.id, probe }, why);
  const start = again ? [startStep(subject, roled, `its ${probe} probe failed`)] : [];
  return { kind: 'kept', actions: [stop, ...start] };
}

/** Plans a container that needs no change, except perhaps of its resources. */
function planKept(
  subject: PlanSubject,
  roled: RoledContainer,
  record: ContainerObservation,
): Decision {
  if (resizeNeed(subject, roled.spec, record).kind !== 'restart') {
    return { kind: 'kept', actions: [] };
  }
  const why = `Container ${roled.spec.name} resize requires restart`;
  const stop = stopStep(subject, { roled, id: record.id }, why);
  return { kind: 'kept', actions: [stop, startStep(subject, roled, 'its resources changed')] };
}

/** It runs, or its state is unknown. */
function mayRun({ state }: ContainerObservation): boolean {
  return state.kind === 'running' || state.kind === 'unknown';
}
