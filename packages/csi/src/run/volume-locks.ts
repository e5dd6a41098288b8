import { CsiError } from '../model/errors.js';

/** A subject that one operation holds: alone, or together with others that share it. */
export interface Hold {
  /** `volume vol-1`, `name pvc-7`: also the text of the refusal. */
  readonly subject: string;
  readonly shared?: boolean;
}

/**
 * Keeps operations on the same subject apart. A second one is refused, not queued: its caller would
 * give up meanwhile, and comes again.
 *
 * @see the CSI specification 1.9, "Concurrency"
 */
export class VolumeLocks {
  /** How many share the subject; 0 while one holds it alone. */
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
