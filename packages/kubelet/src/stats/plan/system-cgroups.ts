/** A cgroup that is no pod's; with a name it is a system container of the summary. */
export interface SystemCgroup {
  readonly name?: 'pods' | 'kubelet' | 'runtime' | 'misc';
  readonly path: string;
  /** When its cgroup was made where absent. */
  readonly startedAtMs?: number;
}

export interface SystemCgroupsInput {
  readonly config: Readonly<{
    cgroupsPerQOS: boolean;
    cgroupRoot: string;
    kubeletCgroups: string;
    systemCgroups: string;
  }>;
  /** `--runtime-cgroups`; empty where it is not given. */
  readonly runtimeCgroups: string;
  /** `kubepods` and below it the classes' own; empty while pods have no cgroups. */
  readonly above: readonly string[];
  /** This process, and the cgroup it is in, also where that is the root. */
  readonly own: Readonly<{ path: string | undefined; startedAtMs: number }>;
}

/**
 * Which cgroups are measured beside those of pods. `pods` and `kubelet` are always there as far as
 * they are known, `runtime` and `misc` where somebody names their cgroups.
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
