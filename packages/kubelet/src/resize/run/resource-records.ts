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
 * Records the pods' allocations and their containers' actual resources. They cannot be observed, so
 * they are kept on disk and outlive the kubelet.
 *
 * Changes take effect at once. They are written in the background, several in one write, and
 * without waiting for the disk, which would delay pod starts; {@link saved} does wait. If a crash
 * loses a record, its pod has the resources that it requested, which is also the assumption for a
 * pod without a record.
 */
export class ResourceRecords implements PodLeftovers {
  readonly #allocated: RecordBook;
  readonly #actuated: RecordBook;

  /** @throws {CheckpointError} for a damaged file; also errors of reading it */
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

  /** The pod's allocation; undefined before its admission. */
  allocated(podUid: string): PodAllocation | undefined {
    return this.#allocated.get(podUid);
  }

  setAllocated(podUid: string, allocation: PodAllocation): void {
    this.#allocated.set(podUid, allocation);
  }

  /** The resources last sent to the runtime; undefined if none were. */
  actuated(podUid: string): PodAllocation | undefined {
    return this.#actuated.get(podUid);
  }

  setActuated(podUid: string, container: string, resources: Resources): void {
    const before = this.#actuated.get(podUid);
    const containers = { ...before?.containers, [container]: resources };
    this.#actuated.set(podUid, { ...before, containers });
  }

  /** Records the pod-level resources. */
  setActuatedPod(podUid: string, resources: Resources): void {
    const before = this.#actuated.get(podUid);
    this.#actuated.set(podUid, { containers: before?.containers ?? {}, pod: resources });
  }

  /** Resolves when every earlier change is on disk; rejects if that failed. */
  async saved(): Promise<void> {
    await Promise.all([this.#allocated.saved(), this.#actuated.saved()]);
  }

  async pods(): Promise<readonly PodUid[]> {
    return [...this.#uids()].flatMap((uid) => parsePodUid(uid) ?? []);
  }

  /** Removes entries whose name cannot be a pod's uid. */
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

/** One file and its content. */
class RecordBook {
  readonly #file: ResourceRecordFile;
  readonly #entries: Map<string, PodAllocation>;
  readonly #log: Logger;
  #isDirty = false;
  /** The last write may be lost in a crash of the machine. */
  #isUnsafe = false;
  /** A caller is waiting until the file is safe. */
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
    if (this.#writing !== undefined) return; // the current write includes this change
    void this.#write().catch((err: unknown) => {
      this.#log.warn(
        { err, path: this.#file.path },
        'records of pod resources not written, will retry',
      );
    });
  }

  #write(): Promise<void> {
    const writing = (async () => {
      // Changes of one turn of the event loop are written together.
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
