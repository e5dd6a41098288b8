import {
  type BackoffState,
  type Clock,
  formatTimestamp,
  isAborted,
  type Logger,
  type Metrics,
  nextBackoff,
  parseTimestamp,
  type Random,
  Wake,
} from '@nodeagent/base';
import {
  type KubeClient,
  type Node,
  type Pod,
  POD_CERTIFICATE_REQUESTS,
  type PodCertificateRequest,
  runReflector,
  SERVICE_ACCOUNTS,
} from '@nodeagent/kube-client';

import { type PodEvents, podName, podNamespace, podUid } from '../../pod/index.js';
import type { CertificateRef, PodCertificateSource } from '../../volumes/index.js';
import { checkedRequest } from '../plan/checked-request.js';
import {
  certificateInForce,
  certificateMetricState,
  type CertificateState,
  LONGEST_DELAY_MS,
  LOST_AFTER_MS,
  missingCertificateText,
  nextCertificate,
} from '../plan/pod-certificate.js';
import { podCertificateRequest, type PodCertificateSpec } from '../plan/pod-certificate-request.js';
import { projectedSources } from '../plan/projected-sources.js';
import type { PodFollower, StubMaker } from '../ports.js';

export interface PodCertificatesOptions {
  readonly client: KubeClient;
  readonly stubs: StubMaker;
  readonly nodeName: string;
  /** This node's own object; undefined before it is known. */
  readonly node: () => Node | undefined;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: Metrics;
  /** The files of this pod's volumes must change. */
  readonly onChange: (podUid: string) => void;
}

/** Maximum wait of a pod's start for its signer, before an event reports the delay. */
const FIRST_ANSWER_MS = 5000;
const RETRY = { initialMs: 500, maxMs: 60_000 };

/**
 * Certificates for pods. Each podCertificate source gets a new key and a new request when its pod
 * arrives, and again at the signer's refresh time. Keys are in memory only, so a restarted kubelet
 * requests new certificates.
 *
 * Watches this node's requests from the first pod with such a source.
 *
 * @param lifetime ends the watch and all loops
 * @see Kubernetes 1.36 pkg/kubelet/podcertificate/podcertificatemanager.go
 */
export function createPodCertificates(
  options: PodCertificatesOptions,
  lifetime: AbortSignal,
): PodCertificateSource & PodFollower {
  const pods = new Map<string, readonly Projection[]>();
  const requests = new NodeRequests(options, (uid) => pods.get(uid)?.forEach((one) => one.wake()));
  const tally = new StateTally(options);
  const count = (): void => tally.count([...pods.values()].flat());
  return {
    follow: (pod) => {
      const uid = podUid(pod);
      if (pods.has(uid)) return;
      const mine = projectedSources(pod).flatMap(({ volume, index, source }) => {
        const { podCertificate: spec } = source;
        if (spec === undefined) return [];
        const parts = { ports: options, requests, pod, spec, onState: count };
        return [new Projection({ volume, index }, parts)];
      });
      if (mine.length === 0) return;
      pods.set(uid, mine);
      requests.start(lifetime);
      for (const one of mine) one.start(lifetime);
      count();
    },
    release: (uid) => {
      for (const one of pods.get(uid) ?? []) one.end();
      if (pods.delete(uid)) count();
    },
    certificate: async (pod, ref, signal) => {
      const found = pods.get(podUid(pod))?.find((one) => one.is(ref));
      if (found === undefined) throw new Error(missingCertificateText({ kind: 'none' }));
      return found.certificate(signal);
    },
  };
}

/** The requests of this node as the API has them. */
class NodeRequests {
  readonly #options: PodCertificatesOptions;
  readonly #onChange: (podUid: string) => void;
  readonly #known = new Map<string, PodCertificateRequest>();
  #isStarted = false;

  constructor(options: PodCertificatesOptions, onChange: (podUid: string) => void) {
    this.#options = options;
    this.#onChange = onChange;
  }

  /** Includes requests that were just created and are not in the watch yet. */
  find(namespace: string, name: string): PodCertificateRequest | undefined {
    return this.#known.get(`${namespace}/${name}`);
  }

  start(lifetime: AbortSignal): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const { client, nodeName, clock, random, log, metrics } = this.#options;
    const watch = {
      resource: POD_CERTIFICATE_REQUESTS,
      selectors: { fieldSelector: `spec.nodeName=${nodeName}` },
      project: checkedRequest,
      sink: {
        replace: (items: ReadonlyMap<string, PodCertificateRequest>) => {
          const affected = [...this.#known.values(), ...items.values()];
          this.#known.clear();
          for (const [key, request] of items) this.#known.set(key, request);
          for (const uid of new Set(affected.map(({ spec }) => spec.podUID))) this.#onChange(uid);
        },
        upsert: (key: string, request: PodCertificateRequest) => {
          this.#known.set(key, request);
          this.#onChange(request.spec.podUID);
        },
        remove: (key: string) => {
          const uid = this.#known.get(key)?.spec.podUID;
          this.#known.delete(key);
          if (uid !== undefined) this.#onChange(uid);
        },
      },
      ...{ clock, random, log, metrics },
      onError: (err: Error, retryInMs: number) =>
        log.warn({ err, retryInMs }, 'pod certificate requests cannot be watched'),
    };
    runReflector(client, watch, lifetime).catch((err: unknown) =>
      log.error({ err }, 'watch of pod certificate requests failed'),
    );
  }
}

interface ProjectionParts {
  readonly ports: PodCertificatesOptions;
  readonly requests: NodeRequests;
  readonly pod: Pod;
  readonly spec: PodCertificateSpec;
  readonly onState: () => void;
}

/** One source of one volume: a loop that executes the steps of {@link nextCertificate}. */
class Projection {
  readonly spec: PodCertificateSpec;
  state: CertificateState = { kind: 'none' };
  readonly #ref: CertificateRef;
  readonly #parts: ProjectionParts;
  readonly #wake = new Wake();
  readonly #end = new AbortController();
  #waiting: (() => void)[] = [];

  constructor(ref: CertificateRef, parts: ProjectionParts) {
    this.#ref = ref;
    this.#parts = parts;
    this.spec = parts.spec;
  }

  is({ volume, index }: CertificateRef): boolean {
    return this.#ref.volume === volume && this.#ref.index === index;
  }

  wake(): void {
    this.#wake.wake();
  }

  end(): void {
    this.#end.abort('the pod is gone');
  }

  start(lifetime: AbortSignal): void {
    const { log } = this.#parts.ports;
    this.#run(AbortSignal.any([lifetime, this.#end.signal])).catch((err: unknown) =>
      log.error({ ...this.#fields(), err }, 'certificate loop of a pod failed'),
    );
  }

  /** @throws if there is no certificate yet, after a short wait for the signer */
  async certificate(signal: AbortSignal): Promise<{ keyPem: string; chainPem: string }> {
    if (certificateInForce(this.state) === undefined && this.state.kind !== 'refused') {
      const end = new AbortController();
      const news = new Promise<void>((resolve) => this.#waiting.push(resolve));
      const { clock } = this.#parts.ports;
      const limit = clock.sleep(FIRST_ANSWER_MS, AbortSignal.any([signal, end.signal]));
      await Promise.race([news, limit]);
      end.abort('answered');
      signal.throwIfAborted();
    }
    const issued = certificateInForce(this.state);
    if (issued === undefined) throw new Error(missingCertificateText(this.state));
    return issued;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts.ports;
    let failed: BackoffState | undefined;
    while (!signal.aborted) {
      const { ask, againAtMs } = this.#step();
      if (!ask) {
        const ms = againAtMs === undefined ? Number.POSITIVE_INFINITY : againAtMs - clock.nowMs();
        await this.#sleep(ms, signal);
        continue;
      }
      try {
        await this.#ask(signal);
        failed = undefined;
      } catch (err) {
        if (isAborted(signal)) return;
        failed = nextBackoff(failed, RETRY, clock.monotonicMs());
        const retryInMs = failed.delayMs;
        log.warn(
          { ...this.#fields(), err, retryInMs },
          'cannot request a pod certificate; retrying',
        );
        await clock.sleep(retryInMs, signal);
      }
    }
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (Number.isFinite(ms))
      await this.#wake.waitAtMost(Math.max(0, ms), this.#parts.ports.clock, signal);
    else await this.#wake.wait(signal);
  }

  #step(): Readonly<{ ask: boolean; againAtMs?: number }> {
    const { ports, requests, pod } = this.#parts;
    const { clock, random, events } = ports;
    const { state } = this;
    const request =
      state.kind === 'asked' ? requests.find(podNamespace(pod), state.asked.request) : undefined;
    const step = nextCertificate(state, { request, nowMs: clock.nowMs(), chance: random() });
    for (const { reason, message } of step.notes) events.warning(pod, reason, message);
    this.#enter(step.state);
    return step;
  }

  #enter(state: CertificateState): void {
    const before = this.state;
    this.state = state;
    this.#parts.onState();
    const news = certificateInForce(before)?.chainPem !== certificateInForce(state)?.chainPem;
    if (!news && state.kind === before.kind) return;
    if (!news && state.kind !== 'refused') return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
    this.#parts.ports.onChange(podUid(this.#parts.pod));
  }

  async #ask(signal: AbortSignal): Promise<void> {
    const { ports, pod, spec } = this.#parts;
    const { client, stubs, node, random, clock } = ports;
    const namespace = podNamespace(pod);
    const name = pod.spec?.serviceAccountName ?? '';
    const serviceAccount = await client.get(SERVICE_ACCOUNTS, { namespace, name }, signal);
    const nodeUid = node()?.metadata?.uid;
    if (nodeUid === undefined) throw new Error('this node is not registered yet');
    const { requestDer, keyPem } = await stubs.makeStub(spec.keyType);
    const uids = { serviceAccount: serviceAccount.metadata?.uid ?? '', node: nodeUid };
    const wanted = podCertificateRequest(pod, spec, { requestDer, uids });
    const created = await client.create(POD_CERTIFICATE_REQUESTS, wanted, signal);
    const createdAt = created.metadata?.creationTimestamp ?? formatTimestamp(clock.nowMs());
    const issued = certificateInForce(this.state);
    const asked = {
      keyPem,
      request: created.metadata?.name ?? '',
      abandonAtMs:
        (parseTimestamp(createdAt) ?? clock.nowMs()) + LOST_AFTER_MS + random() * LONGEST_DELAY_MS,
    };
    this.#enter({ kind: 'asked', asked, ...(issued && { issued }) });
  }

  #fields() {
    const { pod } = this.#parts;
    const { volume, index } = this.#ref;
    return { pod: { namespace: podNamespace(pod), name: podName(pod) }, volume, source: index };
  }
}

/** Counts the sources by state and signer. */
class StateTally {
  readonly #clock: Clock;
  readonly #gauge;
  #shown = new Map<string, Readonly<{ signer_name: string; state: string }>>();

  constructor({ clock, metrics }: PodCertificatesOptions) {
    this.#clock = clock;
    this.#gauge = metrics?.gauge({
      name: 'kubelet_podcertificate_states',
      help: 'Gauge vector reporting the number of pod certificate projected volume sources, faceted by signer_name and state.',
      labelNames: ['signer_name', 'state'],
    });
  }

  count(all: readonly Projection[]): void {
    const nowMs = this.#clock.nowMs();
    const shown = new Map<string, Readonly<{ signer_name: string; state: string }>>();
    const counts = new Map<string, number>();
    for (const { spec, state } of all) {
      const labels = {
        signer_name: spec.signerName,
        state: certificateMetricState(state, nowMs),
      };
      const key = `${labels.signer_name} ${labels.state}`;
      shown.set(key, labels);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const [key, labels] of this.#shown) if (!shown.has(key)) this.#gauge?.remove(labels);
    for (const [key, labels] of shown) this.#gauge?.set(counts.get(key) ?? 0, labels);
    this.#shown = shown;
  }
}
