import {
  type BackoffRules,
  type BackoffState,
  type Clock,
  isAborted,
  type Logger,
  nextBackoff,
  runScope,
  Wake,
} from '@nodeagent/base';
import type { Pod } from '@nodeagent/kube-client';

import { type ManifestFiles, messageOf, podFullName, type PodSource } from '../../pod/index.js';
import { parsePodManifest } from '../codec/manifest.js';
import { prepareStaticPod } from '../plan/static-pod.js';

export interface FileSourceOptions {
  readonly files: ManifestFiles;
  readonly nodeName: string;
  /** Everything is read again at this interval, even without a change reported by the watch. */
  readonly checkMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Delay after the first reported change, so that a program can finish writing its file. */
const SETTLE_MS = 100;
/** @see Kubernetes 1.36 pkg/kubelet/config/file_linux.go */
const WATCH_RETRY: BackoffRules = { initialMs: 1000, maxMs: 20_000, resetAfterMs: 120_000 };

/**
 * Static pods of a directory with one pod for each file, or of a single file. If two files have the
 * same pod name and namespace, the last in path order counts.
 *
 * An invalid file in a directory is skipped: its earlier pod continues until the next full read. An
 * invalid single file changes nothing.
 */
export function createFileSource(options: FileSourceOptions): PodSource {
  return {
    name: 'file',
    run: async (sink, signal) => {
      const changes = new Changes(options);
      const reader = new ManifestReader(options);
      const read = async (inner: AbortSignal): Promise<void> => {
        while (!inner.aborted) {
          const paths = changes.take();
          const pods = paths === 'all' ? await reader.readAll() : await reader.readSome(paths);
          if (pods !== undefined && !isAborted(inner)) sink.replace(pods);
          await changes.wait(inner);
        }
      };
      await runScope([(inner) => changes.follow(inner), read], signal);
    },
  };
}

/** Collects the paths to read again, and waits for the next read. */
class Changes {
  readonly #options: FileSourceOptions;
  readonly #wake = new Wake();
  readonly #paths = new Set<string>();
  #nextFullMs = 0;

  constructor(options: FileSourceOptions) {
    this.#options = options;
  }

  /**
   * Watches until the signal fires. A new watch does not report earlier changes, so everything is
   * read again.
   */
  async follow(signal: AbortSignal): Promise<void> {
    const { files, clock, log } = this.#options;
    let failed: BackoffState | undefined;
    const onChange = (path: string): void => {
      this.#paths.add(path);
      this.#wake.wake();
    };
    while (!signal.aborted) {
      try {
        await files.watch(onChange, signal);
      } catch (err) {
        if (!isAborted(signal)) log.debug({ err }, 'static pod path cannot be watched');
      }
      if (isAborted(signal)) return;
      failed = nextBackoff(failed, WATCH_RETRY, clock.monotonicMs());
      await clock.sleep(failed.delayMs, signal);
      this.#nextFullMs = 0;
      this.#wake.wake();
    }
  }

  take(): 'all' | readonly string[] {
    const { clock, checkMs } = this.#options;
    const paths = [...this.#paths];
    this.#paths.clear();
    if (clock.monotonicMs() < this.#nextFullMs) return paths;
    this.#nextFullMs = clock.monotonicMs() + checkMs;
    return 'all';
  }

  async wait(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    const restMs = Math.max(1, this.#nextFullMs - clock.monotonicMs());
    if ((await this.#wake.waitAtMost(restMs, clock, signal)) !== 'woken') return;
    await clock.sleep(SETTLE_MS, signal);
  }
}

/** Remembers the pod of each file. */
class ManifestReader {
  readonly #options: FileSourceOptions;
  #pods = new Map<string, Pod>();
  /** By path: the last logged problem, so that each is logged only once. */
  readonly #problems = new Map<string, string>();

  constructor(options: FileSourceOptions) {
    this.#options = options;
  }

  /** @returns undefined if the result is unknown; the earlier pods continue */
  async readAll(): Promise<ReadonlyMap<string, Pod> | undefined> {
    const { files, log } = this.#options;
    try {
      const found = await files.list();
      if (found.kind === 'missing') {
        this.#logProblem('', 'path does not exist, ignoring');
        this.#pods = new Map();
        return this.#byName();
      }
      this.#problems.delete('');
      const paths = found.kind === 'file' ? [found.path] : found.paths;
      const pods = new Map<string, Pod>();
      for (const path of paths) {
        const pod = await this.#read(path);
        if (pod !== undefined) pods.set(path, pod);
        else if (found.kind === 'file') return undefined;
      }
      this.#pods = pods;
      return this.#byName();
    } catch (err) {
      log.warn({ err }, 'static pod path cannot be read');
      return undefined;
    }
  }

  async readSome(paths: readonly string[]): Promise<ReadonlyMap<string, Pod> | undefined> {
    for (const path of paths) {
      const pod = await this.#read(path, () => this.#pods.delete(path));
      if (pod !== undefined) this.#pods.set(path, pod);
    }
    return paths.length > 0 ? this.#byName() : undefined;
  }

  async #read(path: string, onMissing?: () => void): Promise<Pod | undefined> {
    const { files, nodeName } = this.#options;
    try {
      const text = await files.read(path);
      if (text === undefined) {
        onMissing?.();
        return undefined;
      }
      const pod = prepareStaticPod(parsePodManifest(text), { kind: 'file', path }, nodeName);
      this.#problems.delete(path);
      return pod;
    } catch (err) {
      this.#logProblem(path, messageOf(err));
      return undefined;
    }
  }

  #logProblem(path: string, message: string): void {
    if (this.#problems.get(path) === message) return;
    this.#problems.set(path, message);
    this.#options.log.warn({ path, why: message }, 'static pod manifest not used');
  }

  #byName(): ReadonlyMap<string, Pod> {
    const inOrder = [...this.#pods].sort(([a], [b]) => (a < b ? -1 : 1));
    return new Map(inOrder.map(([, pod]) => [podFullName(pod), pod]));
  }
}
