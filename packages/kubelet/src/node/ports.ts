import type { ManagerCheckpoint } from './codec/manager-checkpoint.js';
import type { OomCounts } from './model/oom-counts.js';
import type { Family } from './model/util-chains.js';

/** A server that answers `/healthz` on a port of this machine. */
export interface HealthServer {
  /**
   * Serves until the signal fires. Retries while the address is in use.
   *
   * @param problem undefined while the agent is healthy
   */
  run(problem: () => string | undefined, signal: AbortSignal): Promise<void>;
}

/** Settings of the kernel for the whole machine, by their path below `/proc/sys`. */
export interface KernelSettings {
  /** @throws {Error} if this kernel has no such setting, or its value is not a number */
  read(name: string): Promise<number>;
  /** @throws {Error} if the process may not change it */
  write(name: string, value: number): Promise<void>;
}

/** Records of what managers of another kubelet have given to containers. */
export interface ManagerCheckpoints {
  /** @returns undefined without a file */
  read(name: ManagerCheckpoint): Promise<string | undefined>;
}

/** Runs `iptables` or `ip6tables`. */
export interface FilterProgram {
  /** @returns undefined if the program is not installed */
  run(
    family: Family,
    argv: readonly string[],
    signal: AbortSignal,
  ): Promise<Readonly<{ exitCode: number; output: string }> | undefined>;
}

/** The log of the kernel. */
export interface KernelLog {
  /**
   * Delivers each new record in the form of `/dev/kmsg`.
   *
   * @throws {Error} if it cannot be read
   */
  follow(signal: AbortSignal): AsyncIterable<string>;
  /** Returns counts that tell less than the log, but that all may read; undefined without them. */
  oomCounts(): OomCounts | undefined;
}
