import { CsiError } from '../model/errors.js';

/** A subject that one operation holds, either alone or shared with others. */
export interface Hold {
  /** `volume vol-1` or `name pvc-7`; the refusal quotes it. */
  readonly subject: string;
  readonly shared?: boolean;
}

/**
 * Keeps operations on the same subject apart. A second one is refused rather than queued: its
 * caller would time out meanwhile, and will retry.
 *
 * @see the CSI specification 1.9, "Concurrency"
 */
export class VolumeLocks {
  /** Number of operations that share the subject; 0 while one operation holds it alone. */
  readonly #holders = new Map<string, number>();

  /** @throws {CsiError} `CSI_ABORTED` while another operation holds one of the subjects */
  async during<T>(holds: readonly Hold[], operation: () => Promise<T>): Promise<T> {
    for (const { subject, shared = false } of holds) {
      const holders = this.#holders.get(subject);
      if (holders !== undefined && !(shared && holders > 0)) {
        throw new CsiError('CSI_ABORTED', `another operation on ${subject} is under way`);
      }
    }
    for (const { subject, shared = false } of holds) {
      this.#holders.set(subject, shared ? (this.#holders.get(subject) ?? 0) + 1 : 0);
    }
    try {
      return await operation();
    } finally {
      for (const { subject } of holds) this.#release(subject);
    }
  }

  #release(subject: string): void {
    const left = (this.#holders.get(subject) ?? 0) - 1;
    if (left > 0) this.#holders.set(subject, left);
    else this.#holders.delete(subject);
  }
}
