/** Files in which containers leave their last words. */
export interface MessageFiles {
  /** At most so many bytes from the file's end; empty when there is no such file. */
  readTail(path: string, maxBytes: number, links: 'refused' | 'followed'): Promise<string>;
}

/** A sandbox or container that was made for a pod, and is all that changed of the pod. */
export type Made =
  | Readonly<{ kind: 'sandbox'; id: string }>
  | Readonly<{ kind: 'container'; id: string; sandboxId: string }>;

/**
 * Takes note of what this kubelet does to pods, so that its view of the runtime stays right. Whoever
 * makes, stops or removes anything in the runtime does it through these.
 */
export interface PodChanges {
  /**
   * Runs a call that makes something for a pod.
   *
   * @param madeBy what is new when the call has worked, and nothing else is
   */
  making<T>(podUid: string, act: () => Promise<T>, madeBy: (result: T) => Made): Promise<T>;
  /** Runs a call that stops or removes the sandbox or container of this id. */
  ending(id: string, act: () => Promise<void>): Promise<void>;
  /** Something of the pod has changed that does not show in its state: details are asked for anew. */
  forget(podUid: string): void;
}
