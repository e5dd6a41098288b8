import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ContainerConfig, SandboxConfig } from '@nodeagent/cri-client';
import { createCriClient } from '@nodeagent/cri-client/grpc';
import type { Containerd } from '@nodeagent/testbed';

/** The three calls that every kubelet must make: the lower limit for the duration of pod starts. */
export interface BarePods {
  /** @param volume a directory of this machine to mount at /data */
  start(name: string, volume?: string): Promise<void>;
  removeAll(): Promise<void>;
  close(): void;
}

/**
 * The requests equal those for the same pod through a kubelet (`kubelet explain-pod` shows them),
 * because the container's isolation and the files mounted into every pod are part of the runtime's
 * work.
 */
export async function createBarePods(
  containerd: Containerd,
  image: string,
  command: readonly string[],
): Promise<BarePods> {
  const { runtime, close } = createCriClient({ endpoint: containerd.endpoint });
  const { signal } = new AbortController();
  const files = join(containerd.space.dir, 'bare-pods');
  return {
    start: async (name, volume) => {
      const dir = join(files, name);
      const sandbox = sandboxConfig(name, { dir, cgroups: `/${containerd.space.id}/bare` });
      const config = await containerConfig(dir, { image, command, volume });
      const sandboxId = await runtime.runPodSandbox({ config: sandbox }, signal);
      const container = await runtime.createContainer(
        { sandboxId, sandboxConfig: sandbox, config },
        signal,
      );
      await runtime.startContainer(container, signal);
    },
    removeAll: async () => {
      for (const { id } of await runtime.listPodSandbox({}, signal)) {
        await runtime.stopPodSandbox(id, signal);
        await runtime.removePodSandbox(id, signal);
      }
    },
    close,
  };
}

const NAMESPACES = { network: 'pod', ipc: 'pod', pid: 'container' } as const;
const RESOURCES = { cpuShares: 2, cpuPeriodUs: 100_000, cpuQuotaUs: 0 };

function sandboxConfig(
  name: string,
  { dir, cgroups }: Readonly<{ dir: string; cgroups: string }>,
): SandboxConfig {
  return {
    metadata: { name, uid: `uid-${name}`, namespace: 'bench', attempt: 0 },
    hostname: name,
    logDirectory: dir,
    dns: { servers: ['10.96.0.10'], searches: ['bench.svc.cluster.local'], options: ['ndots:5'] },
    labels: { 'io.kubernetes.pod.uid': `uid-${name}` },
    linux: {
      cgroupParent: `${cgroups}/${name}`,
      securityContext: { seccomp: { kind: 'runtime-default' }, namespaces: NAMESPACES },
      resources: RESOURCES,
    },
  };
}

const SHUT_IN = {
  maskedPaths: [
    ...['asound', 'acpi', 'interrupts', 'kcore', 'keys', 'latency_stats', 'timer_list'],
    ...['timer_stats', 'sched_debug', 'scsi'],
  ].map((name) => `/proc/${name}`),
  readOnlyPaths: ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`),
};

async function containerConfig(
  dir: string,
  {
    image,
    command,
    volume,
  }: Readonly<{ image: string; command: readonly string[]; volume: string | undefined }>,
): Promise<ContainerConfig> {
  const hosts = join(dir, 'hosts');
  const message = join(dir, 'message');
  const token = join(dir, 'token');
  await mkdir(token, { recursive: true });
  await Promise.all([writeFile(hosts, '127.0.0.1 localhost\n'), writeFile(message, '')]);
  return {
    metadata: { name: 'app', attempt: 0 },
    image: { image },
    command,
    logPath: 'app.log',
    mounts: [
      ...(volume === undefined ? [] : [{ containerPath: '/data', hostPath: volume }]),
      { containerPath: '/var/run/secrets/kubernetes.io/serviceaccount', hostPath: token },
      { containerPath: '/etc/hosts', hostPath: hosts },
      { containerPath: '/dev/termination-log', hostPath: message },
    ],
    linux: {
      resources: { ...RESOURCES, oomScoreAdj: 1000 },
      securityContext: { ...SHUT_IN, seccomp: { kind: 'unconfined' }, namespaces: NAMESPACES },
    },
  };
}
