import { mkdir, readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';

import { createSystemClock } from '@nodeagent/base/system';
import { MemoryLogger } from '@nodeagent/base/testing';
import { createCgroupTree, hasCgroupV2 } from '@nodeagent/cgroups/linux';
import { createCriClient, type CriClient } from '@nodeagent/cri-client/grpc';
import type { ConfigMap, Container, Pod, Secret, Service } from '@nodeagent/kube-client';
import { createMemoryKubeClient } from '@nodeagent/kube-client/testing';
import { type Containerd, startContainerd } from '@nodeagent/testbed';

import { createPullCredentials } from '../../src/credentials/run/index.js';
import { createPullRecordFiles } from '../../src/images/adapters/pull-record-files.js';
import { createRuntimeView } from '../../src/observation/run/index.js';
import {
  type ContainerObservation,
  type ContainerRunState,
  type PodRuntime,
  type RuntimeView,
  toPodUid,
} from '../../src/pod/index.js';
import { PodCgroups } from '../../src/resources/run/index.js';
import { callHook } from '../../src/runtime/adapters/hook-caller.js';
import { readRuntimeMachine } from '../../src/runtime/adapters/machine.js';
import { createPodFiles } from '../../src/runtime/adapters/pod-files.js';
import { createUserNamespaceFiles } from '../../src/runtime/adapters/user-namespace-files.js';
import { defaultIdRange, type RuntimeMachine } from '../../src/runtime/index.js';
import { createPodRuntime, UserNamespaces } from '../../src/runtime/run/index.js';
import { noClaimedVolumes } from '../../src/testing/index.js';
import { createMounter } from '../../src/volumes/adapters/mounter.js';
import { createSubPaths } from '../../src/volumes/adapters/sub-path.js';
import { createContainerVolumes } from '../../src/volumes/run/index.js';

export const IMAGE = 'nodeagent.test/busybox:1';

type State<K extends ContainerRunState['kind']> = Extract<ContainerRunState, { kind: K }>;

/** This package's pod runtime on its own containerd. */
export class RuntimeFixture {
  readonly signal = AbortSignal.timeout(600_000);
  readonly rootDir: string;
  readonly runtime: PodRuntime;
  readonly view: RuntimeView;
  readonly cgroups: PodCgroups;
  readonly configMaps = new Map<string, ConfigMap>();
  readonly secrets = new Map<string, Secret>();
  services: readonly Service[] = [];
  /** `reason: message`, oldest first. */
  readonly events: string[] = [];
  readonly containerd: Containerd;
  readonly cri: CriClient;
  #serial = 0;

  static async start(): Promise<RuntimeFixture> {
    const containerd = await startContainerd({ name: 'pod-runtime', images: ['busybox'] });
    const log = new MemoryLogger();
    const tree = await createCgroupTree('cgroupfs');
    const cgroups = new PodCgroups({
      tree,
      log,
      layout: { driver: 'cgroupfs', root: `/${containerd.space.id}` },
      rules: { cpuCfsQuota: true, cpuPeriodUs: 100_000, podPidsLimit: -1 },
      version: (await hasCgroupV2()) ? 2 : 1,
    });
    await cgroups.start();
    return new RuntimeFixture(containerd, cgroups, await readRuntimeMachine());
  }

  private constructor(containerd: Containerd, cgroups: PodCgroups, machine: RuntimeMachine) {
    this.containerd = containerd;
    this.cgroups = cgroups;
    this.rootDir = join(containerd.space.dir, 'kubelet');
    this.cri = createCriClient({ endpoint: containerd.endpoint });
    const objects = {
      configMap: (_: string, name: string) => Promise.resolve(this.configMaps.get(name)),
      secret: (_: string, name: string) => Promise.resolve(this.secrets.get(name)),
    };
    const note = (_: Pod, reason: string, message: string): void => {
      this.events.push(`${reason}: ${message}`);
    };
    const files = createPodFiles(this.rootDir);
    const clock = createSystemClock();
    const log = new MemoryLogger();
    const { view, changes } = createRuntimeView({
      ...{ cri: this.cri.runtime, files, clock, log },
      streams: false,
      stopSignals: false,
    });
    this.view = view;
    this.runtime = createPodRuntime(
      {
        cri: this.cri.runtime,
        changes,
        client: createMemoryKubeClient({ clock }),
        images: this.cri.images,
        files,
        volumes: createContainerVolumes({
          rootDir: this.rootDir,
          subPaths: createSubPaths(createMounter()),
          claimed: noClaimedVolumes,
        }),
        objects,
        credentials: createPullCredentials({ objects, nodeEntries: () => Promise.resolve([]) }),
        records: createPullRecordFiles(this.rootDir),
        userNamespaces: new UserNamespaces(
          createUserNamespaceFiles(this.rootDir),
          defaultIdRange(),
          Math.random,
        ),
        cgroups,
        surroundings: {
          node: () => ({ hostIps: ['192.0.2.7'], allocatable: { cpu: '2', memory: '4Gi' } }),
          services: () => this.services,
        },
        events: { normal: note, warning: note },
        call: callHook,
        clock,
        log,
      },
      {
        podLogsDir: join(containerd.space.dir, 'pod-logs'),
        containerLogsDir: join(containerd.space.dir, 'container-logs'),
        clusterDomain: 'cluster.local',
        clusterDns: ['10.96.0.10'],
        resolvConfPath: '/etc/resolv.conf',
        cpuCfsQuota: true,
        cpuPeriodUs: 100_000,
        memoryCapacityBytes: totalmem(),
        unified: {},
        seccompDefault: false,
        seccompDir: join(this.rootDir, 'seccomp'),
        maskedPaths: machine.maskedPaths,
        hugepageKib: machine.hugepageKib,
      },
      {
        concurrency: 1,
        qps: 0,
        burst: 0,
        verification: { policy: 'NeverVerifyPreloadedImages', allowlist: [] },
      },
    );
  }

  /** One container that runs a shell script. */
  pod(script: string, container: Partial<Container> = {}, spec: Partial<Pod['spec']> = {}): Pod {
    this.#serial += 1;
    return {
      metadata: { name: `p${this.#serial}`, namespace: 'test', uid: `uid-${this.#serial}` },
      spec: {
        enableServiceLinks: false,
        ...spec,
        containers: [
          {
            name: 'c',
            image: IMAGE,
            imagePullPolicy: 'Never',
            command: ['sh', '-c', script],
            terminationMessagePath: '/dev/termination-log',
            ...container,
          },
        ],
      },
    };
  }

  async start(pod: Pod, restartCount = 0): Promise<string> {
    const uid = pod.metadata?.uid ?? '';
    const seen = await this.view.observe(uid, this.signal);
    const sandboxId =
      seen.sandboxes[0]?.id ?? (await this.runtime.createSandbox(pod, 0, this.signal));
    const { podIps } = await this.view.observe(uid, this.signal);
    const request = { pod, sandboxId, podIps, name: 'c', role: 'regular' as const, restartCount };
    return this.runtime.startContainer(request, this.signal);
  }

  async seen(pod: Pod): Promise<ContainerObservation> {
    const { containers } = await this.view.observe(pod.metadata?.uid ?? '', this.signal);
    const [newest] = containers;
    if (newest === undefined) throw new Error('the pod has no container');
    return newest;
  }

  /** Runs the script to its end. */
  async run(pod: Pod): Promise<State<'exited'> & { readonly log: string }> {
    const id = await this.start(pod);
    for (;;) {
      const { state } = await this.seen(pod);
      if (state.kind === 'exited') return { ...state, log: await this.log(id) };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The container's output without CRI's prefixes. */
  async log(id: string): Promise<string> {
    const { logPath } = await this.cri.runtime.containerStatus(id as never, this.signal);
    const lines = (await readFile(logPath, 'utf8')).split('\n');
    return lines.map((line) => line.split(' ').slice(3).join(' ')).join('\n');
  }

  async volumeDir(pod: Pod, name: string): Promise<string> {
    const uid = pod.metadata?.uid ?? '';
    const dir = join(this.rootDir, 'pods', uid, 'volumes/kubernetes.io~empty-dir', name);
    await mkdir(dir, { recursive: true });
    return dir;
  }

  async remove(pod: Pod): Promise<void> {
    const uid = pod.metadata?.uid ?? '';
    const { sandboxes, containers } = await this.view.observe(uid, this.signal);
    for (const { id } of sandboxes) await this.runtime.stopSandbox(id, this.signal);
    for (const { id } of containers) await this.runtime.removeContainer(id, 'remove', this.signal);
    for (const { id } of sandboxes) await this.runtime.removeSandbox(id, this.signal);
    await this.cgroups.remove(toPodUid(uid));
  }

  async stop(): Promise<void> {
    this.cri.close();
    await this.containerd.stop();
  }
}
