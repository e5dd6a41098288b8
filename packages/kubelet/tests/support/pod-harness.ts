import { ManualClock, MemoryLogger, MemoryMetrics } from '@nodeagent/base/testing';
import { type Node, type Pod, PODS } from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';

import type { AdmissionHooks } from '../../src/admission/run/index.js';
import type { ResourceRecordFile } from '../../src/pod/index.js';
import type { ResizeRules } from '../../src/resize/index.js';
import { ResourceRecords } from '../../src/resize/run/index.js';
import {
  createApiSource,
  createFileSource,
  DesiredPods,
  MirrorPods,
} from '../../src/sources/run/index.js';
import { StatusReporter } from '../../src/status/run/index.js';
import {
  aNode,
  MemoryManifestFiles,
  MemoryNodeView,
  MemoryPodEvents,
  MemoryPodProbes,
  MemoryPodRuntime,
  MemoryPodVolumes,
} from '../../src/testing/index.js';
import { DEFAULT_CRASH_LOOP_RULES } from '../../src/workers/index.js';
import { Gate, PodWorkers, runHousekeeping } from '../../src/workers/run/index.js';

/** A kubelet's pods on in-memory ports, with an API server in memory and a manual clock. */
export class Harness {
  readonly clock: ManualClock;
  readonly api: MemoryKubeClient;
  readonly runtime: MemoryPodRuntime;
  readonly events = new MemoryPodEvents();
  readonly volumes: MemoryPodVolumes;
  readonly probes = new MemoryPodProbes();
  readonly node = new MemoryNodeView();
  readonly log = new MemoryLogger();
  readonly files = new MemoryManifestFiles();
  readonly metrics = new MemoryMetrics();
  /** The node in the API, which owns its mirror pods. */
  registered: Node | undefined = aNode();
  admission: AdmissionHooks = {};
  random = (): number => 0;
  resizeRules: ResizeRules = { staticCpus: false, staticMemory: false, maySwap: () => false };
  /** Content of the disk, by name. */
  readonly disk = new Map<string, string>();
  records: ResourceRecords | undefined;
  workers!: PodWorkers;
  readonly #tasks: Promise<void>[] = [];
  #end = new AbortController();

  constructor() {
    this.clock = new ManualClock();
    this.api = createMemoryKubeClient({ clock: this.clock });
    this.runtime = new MemoryPodRuntime(this.clock);
    this.volumes = new MemoryPodVolumes({ clock: this.clock, events: this.events });
  }

  /** Enables resizes of running pods. */
  async startWithRecords(): Promise<void> {
    const { log } = this;
    const file = (path: string): ResourceRecordFile => ({
      path,
      read: async () => this.disk.get(path),
      write: async (text) => void this.disk.set(path, text),
    });
    const [allocated, actuated] = [file('allocated_pods_state'), file('actuated_pods_state')];
    this.records = await ResourceRecords.open({ allocated, actuated, log });
    this.runtime.records = this.records;
    this.start();
    await this.settle();
  }

  start(): void {
    this.#end = new AbortController();
    const { signal } = this.#end;
    const { clock, api: client, log, runtime, volumes, node } = this;
    const reporter: StatusReporter = new StatusReporter(
      {
        ...{ client, clock, log, hostIps: () => node.hostIps() },
        mirrorOf: (pod) => mirrors.mirrorOf(pod),
      },
      signal,
    );
    const mirrors: MirrorPods = new MirrorPods(
      {
        ...{ client, clock, log },
        node: () => this.registered,
        statics: () => this.workers.statics(),
        synced: () => desired.synced,
        onMirror: (uid) => reporter.mirrored(uid),
      },
      signal,
    );
    this.workers = new PodWorkers({
      runtime,
      runtimeView: runtime,
      volumes,
      node,
      reporter,
      probes: this.probes,
      events: this.events,
      clock,
      random: () => this.random(),
      log,
      sandboxGate: new Gate(4),
      crashLoopRules: DEFAULT_CRASH_LOOP_RULES,
      resyncMs: 60_000,
      admission: this.admission,
      metrics: this.metrics,
      onStaticPod: (name) => mirrors.wake(name),
      resize: this.records && {
        records: this.records,
        rules: this.resizeRules,
        synced: () => desired.synced,
      },
    });
    const source = createApiSource({
      client,
      nodeName: 'n1',
      clock,
      random: () => 0,
      ...{ log, events: this.events, metrics: this.metrics },
      ready: async () => undefined,
    });
    const { files } = this;
    const file = createFileSource({ files, nodeName: 'n1', checkMs: 20_000, clock, log });
    const sources = [source, file];
    const desired: DesiredPods = new DesiredPods(sources, this.workers, {
      ...{ clock, log, mirrors, events: this.events, metrics: this.metrics },
      onSynced: () => this.workers.synced(),
    });
    const known = (): readonly string[] => this.workers.uids;
    const housekeeping = {
      runtime,
      runtimeView: runtime,
      volumes,
      synced: () => desired.synced,
      known,
      clock,
      log,
    };
    this.#tasks.push(
      this.workers.run(signal),
      reporter.run(signal),
      mirrors.run(signal),
      source.run(desired.sinkFor('api'), signal),
      file.run(desired.sinkFor('file'), signal),
      runtime.onChange((uid) => this.workers.wake(uid), signal),
      runHousekeeping(housekeeping, signal),
    );
  }

  /** Ends it as a kill would: without any cleanup, and nothing is kept. */
  async stop(): Promise<void> {
    this.#end.abort(new Error('the test ends the kubelet'));
    await Promise.all(this.#tasks.splice(0));
  }

  async restart(): Promise<void> {
    await this.stop();
    this.start();
    await this.settle();
  }

  /** Creates the pod in the API, already bound to this node; waits until nothing changes. */
  async create(pod: Pod): Promise<void> {
    const { signal } = this.#end;
    await this.api.create(PODS, pod, signal);
    await this.settle();
  }

  async delete(name = 'web', gracePeriodSeconds?: number): Promise<void> {
    const options = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
    await this.api.delete(PODS, { namespace: 'default', name }, options, this.#end.signal);
    await this.settle();
  }

  /** The pod in the API; undefined if it is gone. */
  pod(name = 'web'): Pod | undefined {
    return this.api.objects(PODS).find(({ metadata }) => metadata?.name === name);
  }

  uid(name = 'web'): string {
    return this.pod(name)?.metadata?.uid ?? '';
  }

  status(name = 'web'): NonNullable<Pod['status']> {
    return this.pod(name)?.status ?? {};
  }

  condition(type: string, name = 'web'): string | undefined {
    return this.status(name).conditions?.find((each) => each.type === type)?.status;
  }

  /** Calls to the runtime since the last time. */
  calls(): readonly string[] {
    return this.runtime.calls.splice(0);
  }

  async advance(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }

  /** Lets everything finish that needs no time to pass. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }
}
