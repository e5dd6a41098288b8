import { ManualClock } from '@nodeagent/base/testing';
import { KubeError, PODS } from '@nodeagent/kube-client';

import type { KubeletIdentity } from '../../src/assembly/index.js';
import { createKubelet } from '../../src/assembly/run/index.js';
import { parseKubeletConfig } from '../../src/config/index.js';
import type { MachineReadings } from '../../src/stats/index.js';
import { createMemoryNode, type MemoryNode } from '../../src/testing/index.js';

/** A call that changes the machine, as a process makes it: the process ends at one of them. */
export interface Fuse {
  /** Counted from 1. */
  readonly step: number;
  /** The call that ends it takes effect, or not: `before` means not. */
  readonly effect: 'before' | 'after';
}

const RUNTIME = ['stopContainer', 'removeContainer', 'stopPodSandbox', 'removePodSandbox'];
const CHANGES: ReadonlySet<string> = new Set([
  ...[...RUNTIME, 'createContainer', 'startContainer', 'runPodSandbox', 'reopenContainerLog'],
  ...['removeImage', 'removeLogs', 'removeEmptyLogs', 'remove', 'compress', 'rename'],
]);

/** A machine in memory, and one kubelet after another on it. */
export class MortalNode {
  readonly clock = new ManualClock();
  readonly node: MemoryNode = createMemoryNode({ images: ['app:1'], clock: this.clock });
  /** Changes that took effect, by whichever kubelet: `removeImage a`. */
  readonly changes: string[] = [];
  /** Figures of the machine that differ from those of the node in memory. */
  figures: Partial<MachineReadings> = {};
  readonly #config: Readonly<Record<string, unknown>>;
  readonly #identity: Partial<KubeletIdentity>;
  #fuse: Fuse | undefined;
  #steps = 0;
  #isDead = false;
  #end: AbortController | undefined;
  #run: Promise<void> | undefined;

  constructor(config: Readonly<Record<string, unknown>>, identity: Partial<KubeletIdentity> = {}) {
    this.#config = config;
    this.#identity = identity;
    this.node.api.onCall = async ({ verb, plural, name = '' }) => {
      const isStatus = verb === 'patch' && plural === PODS.plural;
      if (isStatus) await this.#change(`patch ${name}`, noop);
      else if (this.#isDead) throw new KubeError('KUBE_UNAVAILABLE', 'the kubelet is dead');
    };
  }

  get steps(): number {
    return this.#steps;
  }

  /** Starts a kubelet on what is there. */
  boot(): void {
    const { adapters, runtime } = this.node;
    const { files } = adapters;
    this.#isDead = false;
    const kubelet = createKubelet(
      parseKubeletConfig({ file: { value: this.#config, directory: '/' } }).config,
      { nodeName: 'n1', ...this.#identity },
      {
        ...adapters,
        openRuntime: () => ({
          runtime: this.#mortal(runtime),
          images: this.#mortal(runtime.images),
          close: noop,
        }),
        readings: { ...adapters.readings, machine: this.#measured(adapters.readings.machine) },
        files: {
          ...files,
          pods: this.#mortal(files.pods),
          logLinks: this.#mortal(files.logLinks),
          rotation: this.#mortal(files.rotation),
        },
      },
    );
    const end = new AbortController();
    this.#end = end;
    this.#run = kubelet.run(end.signal).catch((error: unknown) => {
      if (!end.signal.aborted) throw error;
    });
  }

  /** The changes from now on are counted, and one of them ends the kubelet. */
  arm(fuse: Fuse | undefined): void {
    [this.#fuse, this.#steps] = [fuse, 0];
  }

  /** Ends the kubelet, killed or not; containers keep running. */
  async stop(): Promise<void> {
    this.#end?.abort(new Error('the kubelet ends'));
    await this.#run;
    this.#fuse = undefined;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  #measured(machine: MachineReadings): MachineReadings {
    return new Proxy(machine, {
      get: (object, key) => {
        const own: unknown = Reflect.get(this.figures, key);
        if (own !== undefined) return own;
        const value: unknown = Reflect.get(object, key);
        return typeof value === 'function'
          ? (...args: readonly unknown[]): unknown => Reflect.apply(value, object, args)
          : value;
      },
    });
  }

  #mortal<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, key) => {
        const value: unknown = Reflect.get(object, key);
        if (typeof value !== 'function') return value;
        const call = (...args: readonly unknown[]): unknown => Reflect.apply(value, object, args);
        if (typeof key !== 'string' || !CHANGES.has(key)) return call;
        return (...args: readonly unknown[]) => {
          const subject = typeof args[0] === 'string' ? args[0] : JSON.stringify(args[0]);
          return this.#change(`${key} ${subject}`, () => call(...args));
        };
      },
    });
  }

  /** One step of the process: the effect is the machine's, whatever becomes of the process. */
  async #change(name: string, effect: () => unknown): Promise<unknown> {
    if (this.#isDead) throw new Error('the kubelet is dead');
    this.#steps += 1;
    const isLast = this.#fuse?.step === this.#steps;
    const result = isLast && this.#fuse?.effect === 'before' ? undefined : await effect();
    if (!isLast || this.#fuse?.effect === 'after') this.changes.push(name);
    if (!isLast) return result;
    this.#isDead = true;
    this.#end?.abort(new Error('killed'));
    throw new Error('killed');
  }
}

function noop(): void {
  // nothing to do
}
