import type { Clock, Metrics, Random } from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';
import {
  type AttemptReport,
  type ProbedInstance,
  type ProbeKind,
  ProbeManager,
  type Prober,
  type ProbeSet,
} from '@nodeagent/probes';

import {
  type ContainerObservation,
  type ContainerVerdicts,
  initContainers,
  isHostNetwork,
  latestOf,
  type NodeView,
  type PodEvents,
  type PodObservation,
  type PodProbes,
  podUid,
  type ProbeVerdicts,
  regularContainers,
  restartsAfterExit,
  type RoledContainer,
  type Verdict,
} from '../../pod/index.js';
import { namedPorts, probeSetOf } from '../plan/probe-set.js';
import { createProbeMeter, PROBE_WORD, type ProbeMeter } from './probe-metrics.js';

export interface ManagedProbesOptions {
  readonly prober: Prober;
  readonly events: PodEvents;
  readonly node: Pick<NodeView, 'hostIps'>;
  readonly clock: Clock;
  readonly random: Random;
  /** Called when a verdict on one of the pod's containers has changed. */
  readonly onChange: (podUid: string) => void;
  /** If absent, nothing is counted. */
  readonly metrics?: Metrics | undefined;
}

interface Probed {
  pod: Pod;
  readonly containers: Map<string, ProbedContainer>;
}

interface ProbedContainer {
  readonly set: ProbeSet;
  instance: ProbedInstance | undefined;
  /** The instance whose readiness was last requested. */
  askedId: string | undefined;
}

/** The probes of all pods. One manager runs them, as subjects `<pod uid>/<container name>`. */
export class ManagedProbes implements PodProbes {
  readonly #options: ManagedProbesOptions;
  readonly #manager: ProbeManager;
  readonly #pods = new Map<string, Probed>();
  readonly #meter: ProbeMeter | undefined;

  constructor(options: ManagedProbesOptions) {
    this.#options = options;
    const { clock, prober, random, onChange, metrics } = options;
    this.#meter = metrics && createProbeMeter(metrics);
    const sink = {
      changed: ({ key }: { key: string }) => onChange(uidOf(key)),
      attempted: (report: AttemptReport) => this.#report(report),
    };
    this.#manager = new ProbeManager({ clock, prober, random, sink });
  }

  /** Probes until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#manager.run(signal);
  }

  update(pod: Pod, seen: PodObservation): void {
    const uid = podUid(pod);
    const probed = this.#pods.get(uid) ?? this.#add(pod);
    probed.pod = pod;
    const sidecars = initContainers(pod).filter(({ role }) => role === 'sidecar');
    for (const roled of [...sidecars, ...regularContainers(pod)]) {
      const container = probed.containers.get(roled.spec.name);
      const record = latestOf(seen, roled.spec.name);
      if (container === undefined || record === undefined) continue;
      container.instance = this.#instanceOf(pod, { roled, record, seen });
      const key = keyOf(uid, roled.spec.name);
      const { set: probes, instance } = container;
      this.#manager.set({ key, probes, phase: 'running', instance });
      if (instance.state === 'running') this.#manager.recheck(key);
    }
  }

  verdicts(uid: string): ProbeVerdicts {
    const verdicts = new Map<string, ContainerVerdicts>();
    for (const { instance, askedId } of this.#pods.get(uid)?.containers.values() ?? []) {
      if (instance === undefined) continue;
      const { readiness, ...others } = this.#verdictsOf(instance.id);
      // Before the first result, an earlier kubelet's verdict on this very run remains in force.
      const asked = askedId === instance.id;
      verdicts.set(instance.id, { ...others, ...(asked && readiness && { readiness }) });
    }
    return verdicts;
  }

  stopping(uid: string): void {
    for (const [name, { set: probes, instance }] of this.#pods.get(uid)?.containers ?? []) {
      const subject = { key: keyOf(uid, name), probes, phase: 'stopping' } as const;
      this.#manager.set({ ...subject, ...(instance && { instance }) });
    }
  }

  remove(uid: string): void {
    const probed = this.#pods.get(uid);
    if (probed === undefined) return;
    for (const name of probed.containers.keys()) this.#manager.remove(keyOf(uid, name));
    this.#meter?.forget(probed.pod, probed.containers.keys());
    this.#pods.delete(uid);
  }

  /** Keeps only containers with probes; a container's probes never change during a pod's life. */
  #add(pod: Pod): Probed {
    const containers = new Map<string, ProbedContainer>();
    for (const { role, spec } of [...initContainers(pod), ...regularContainers(pod)]) {
      const set = probeSetOf(spec);
      if (role === 'init' || Object.keys(set).length === 0) continue;
      containers.set(spec.name, { set, instance: undefined, askedId: undefined });
    }
    const probed = { pod, containers };
    this.#pods.set(podUid(pod), probed);
    return probed;
  }

  #instanceOf(
    pod: Pod,
    found: Readonly<{ roled: RoledContainer; record: ContainerObservation; seen: PodObservation }>,
  ): ProbedInstance {
    const { roled, record, seen } = found;
    const { state } = record;
    const address = isHostNetwork(pod) ? this.#options.node.hostIps()[0] : seen.podIps[0];
    const exitCode = state.kind === 'exited' ? state.exitCode : 1;
    const kind = state.kind === 'running' || state.kind === 'exited' ? state.kind : 'other';
    return {
      id: record.id,
      state: kind,
      ...(state.kind === 'running' && { startedAtMs: state.startedAtMs }),
      started: saidToHaveStarted(pod, record),
      restartable: restartsAfterExit(pod, roled.spec, exitCode),
      ...(address !== undefined && { address }),
      ports: namedPorts(roled.spec),
    };
  }

  #verdictsOf(id: string): ContainerVerdicts {
    const of = (kind: ProbeKind): Verdict | undefined => this.#manager.verdict(id, kind);
    const [liveness, readiness, startup] = [of('liveness'), of('readiness'), of('startup')];
    return {
      ...(liveness && { liveness }),
      ...(readiness && { readiness }),
      ...(startup && { startup }),
    };
  }

  #report(report: AttemptReport): void {
    const { key, kind, instanceId, outcome } = report;
    const { pod, containers } = this.#pods.get(uidOf(key)) ?? {};
    if (pod === undefined) return;
    const container = key.slice(key.indexOf('/') + 1);
    const probed = containers?.get(container);
    this.#meter?.attempted(pod, container, report);
    if (kind === 'readiness' && probed !== undefined) probed.askedId = instanceId;
    const { result, detail, state = 'unknown' } = outcome;
    const warn = (reason: string, text: string): void =>
      this.#options.events.warning(
        pod,
        reason,
        `${PROBE_WORD[kind]} probe ${text}: ${detail}`,
        container,
      );
    if (result === 'failure') warn('Unhealthy', 'failed');
    else if (result === 'warning') warn('ProbeWarning', 'warning');
    else if (result === 'error') warn('Unhealthy', `errored and resulted in ${state} state`);
  }
}

function keyOf(uid: string, name: string): string {
  return `${uid}/${name}`;
}

/** A uid contains no slash. */
function uidOf(key: string): string {
  return key.slice(0, key.indexOf('/'));
}

/** The API's status already reports this very run as started, so it is older than this process. */
function saidToHaveStarted(pod: Pod, { id }: ContainerObservation): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].some(
    ({ containerID, started }) => started === true && containerID?.endsWith(`//${id}`) === true,
  );
}
