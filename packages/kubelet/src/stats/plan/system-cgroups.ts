/** A cgroup outside of pods; if it has a name, it is a system container of the summary. */
export interface SystemCgroup {
  readonly name?: 'pods' | 'kubelet' | 'runtime' | 'misc';
  readonly path: string;
  /** Default: the creation time of the cgroup. */
  readonly startedAtMs?: number;
}

export interface SystemCgroupsInput {
  readonly config: Readonly<{
    cgroupsPerQOS: boolean;
    cgroupRoot: string;
    kubeletCgroups: string;
    systemCgroups: string;
  }>;
  /** `--runtime-cgroups`; empty if not given. */
  readonly runtimeCgroups: string;
  /** `kubepods` and the cgroups of its QoS classes; empty while pods have no cgroups. */
  readonly above: readonly string[];
  /** The kubelet's process and its cgroup, even if that is the root. */
  readonly own: Readonly<{ path: string | undefined; startedAtMs: number }>;
}

/**
 * Chooses the cgroups to measure besides those of pods: `pods` and `kubelet` if they are known,
 * `runtime` and `misc` if their cgroups are configured.
 *
 * @see Kubernetes 1.36 pkg/kubelet/server/stats/summary_sys_containers.go
 */
export function systemCgroups(input: SystemCgroupsInput): readonly SystemCgroup[] {
  const { config, runtimeCgroups, above, own } = input;
  const [kubepods, ...classes] = above;
  const pods = config.cgroupsPerQOS ? kubepods : config.cgroupRoot || '/';
  const kubelet = config.kubeletCgroups || own.path;
  return [
    ...(pods === undefined ? [] : [{ name: 'pods', path: pods } as const]),
    ...(kubelet === undefined
      ? []
      : [{ name: 'kubelet', path: kubelet, startedAtMs: own.startedAtMs } as const]),
    ...(runtimeCgroups === '' ? [] : [{ name: 'runtime', path: runtimeCgroups } as const]),
    ...(config.systemCgroups === '' ? [] : [{ name: 'misc', path: config.systemCgroups } as const]),
    ...classes.map((path) => ({ path })),
  ];
}
