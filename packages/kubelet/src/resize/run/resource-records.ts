import type { Logger } from '@nodeagent/base';

import {
  parsePodUid,
  type PodAllocation,
  type PodLeftovers,
  type PodUid,
  type ResourceRecordFile,
  type Resources,
} from '../../pod/index.js';
import { parseAllocations, renderAllocations } from '../codec/resource-checkpoint.js';

export interface ResourceRecordsOptions {
  readonly allocated: ResourceRecordFile;
  readonly actuated: ResourceRecordFile;
  readonly log: Logger;
}

/**
 * What pods were given, and what their containers have: all that is known of resources which cannot
 * be observed, kept on disk so that it outlives the kubelet.
 *
 * Changes are in force at once and written in the background, several in one write, without waiting for
 * the disk, which a pod's start has no time for; {@link saved} does. One that a crash takes away was of a pod that has what it asked
 * for: without a record that is what is assumed.
 */
export class ResourceRecords implements PodLeftovers {
  readonly #allocated: RecordBook;
  readonly #actuated: RecordBook;

  /** @throws {CheckpointError} for files that are not as they were written; what reading them throws */
  static async open({
    allocated,
    actuated,
    log,
  }: ResourceRecordsOptions): Promise<ResourceRecords> {
    const [first, second] = await Promise.all([read(allocated, log), read(actuated, log)]);
    return new ResourceRecords(first, second);
  }

  private constructor(allocated: RecordBook, actuated: RecordBook) {
    this.#allocated = allocated;
    this.#actuated = actuated;
  }

  /** What the pod was given; undefined before it was admitted. */
  allocated(podUid: string): PodAllocation | undefined {
    return this.#allocated.get(podUid);
  }

  setAllocated(podUid: string, allocation: PodAllocation): void {
    this.#allocated.set(podUid, allocation);
  }

  /** What was last told to the runtime; undefined when nothing was. */
  actuated(podUid: string): PodAllocation | undefined {
    return this.#actuated.get(podUid);
  }

  setActuated(podUid: string, container: string, resources: Resources): void {
    const before = this.#actuated.get(podUid);
    const containers = { ...before?.containers, [container]: resources };
    this.#actuated.set(podUid, { ...before, containers });
  }

  /** The same of the pod as a whole. */
  setActuatedPod(podUid: string, resources: Resources): void {
    const before = this.#actuated.get(podUid);
    this.#actuated.set(podUid, { containers: before?.containers ?? {}, pod: resources });
  }

  /** Resolves when everything up to now is on disk; rejects with what kept it from there. */
  async saved(): Promise<void> {
    await Promise.all([this.#allocated.saved(), this.#actuated.saved()]);
  }

  async pods(): Promise<readonly PodUid[]> {
    return [...this.#uids()].flatMap((uid) => parsePodUid(uid) ?? []);
  }

  /** Forgets what stands in the files under a name that no pod has as its uid. */
  async sweep(): Promise<void> {
    for (const uid of this.#uids()) if (parsePodUid(uid) === undefined) this.forget(uid);
  }

  #uids(): ReadonlySet<string> {
    return new Set([...this.#allocated.uids(), ...this.#actuated.uids()]);
  }

  forget(podUid: string): void {
    this.#allocated.delete(podUid);
    this.#actuated.delete(podUid);
  }

  async remove(podUid: string): Promise<void> {
    this.forget(podUid);
  }
}

async function read(file: ResourceRecordFile, log: Logger): Promise<RecordBook> {
  const text = await file.read();
  const entries =
    text === undefined ? new Map<string, PodAllocation>() : parseAllocations(text, file.path);
  return new RecordBook(file, new Map(entries), log);
}

/** One file and what is in it. */
class RecordBook {
  readonly #file: ResourceRecordFile;
  readonly #entries: Map<string, PodAllocation>;
  readonly #log: Logger;
  #isDirty = false;
  /** Something was written that a crash of the machine may take away. */
  #isUnsafe = false;
  /** Somebody waits until it is safe. */
  #isAwaited = false;
  #writing: Promise<void> | undefined;

  constructor(file: ResourceRecordFile, entries: Map<string, PodAllocation>, log: Logger) {
    this.#file = file;
    this.#entries = entries;
    this.#log = log;
  }

  get(uid: string): PodAllocation | undefined {
    return this.#entries.get(uid);
  }

  uids(): Iterable<string> {
    return this.#entries.keys();
  }

  set(uid: string, allocation: PodAllocation): void {
    if (JSON.stringify(this.#entries.get(uid)) === JSON.stringify(allocation)) return;
    this.#entries.set(uid, allocation);
    this.#changed();
  }

  delete(uid: string): void {
    if (this.#entries.delete(uid)) this.#changed();
  }

  async saved(): Promise<void> {
    this.#isAwaited = true;
    while (this.#writing !== undefined) await this.#writing;
    if (this.#isDirty || this.#isUnsafe) await this.#write();
    this.#isAwaited = false;
  }

  #changed(): void {
    this.#isDirty = true;
    if (this.#writing !== undefined) return; // that write goes on with this
    void this.#write().catch((err: unknown) => {
      this.#log.warn({ err, path: this.#file.path }, 'resources of pods are not on disk yet');
    });
  }

  #write(): Promise<void> {
    const writing = (async () => {
      // Changes of one turn of the event loop go to disk together.
      await Promise.resolve();
      try {
        while (this.#isDirty || (this.#isAwaited && this.#isUnsafe)) {
          const until = this.#isAwaited ? 'safe' : 'written';
          this.#isDirty = false;
          await this.#file.write(renderAllocations(this.#entries), until);
          this.#isUnsafe = until === 'written';
        }
      } catch (error) {
        this.#isDirty = true;
        throw error;
      } finally {
        this.#writing = undefined;
      }
    })();
    this.#writing = writing;
    return writing;
  }
}
