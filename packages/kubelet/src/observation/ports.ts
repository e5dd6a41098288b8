/** The files in which containers leave their termination messages. */
export interface MessageFiles {
  /** At most `maxBytes` bytes from the file's end; empty if there is no such file. */
  readTail(path: string, maxBytes: number, links: 'refused' | 'followed'): Promise<string>;
}

/** A sandbox or container that was created for a pod, when nothing else of the pod changed. */
export type Made =
  | Readonly<{ kind: 'sandbox'; id: string }>
  | Readonly<{ kind: 'container'; id: string; sandboxId: string }>;

/**
 * Records this kubelet's own changes of pods, so that its view of the runtime stays current. Every
 * call that creates, stops or removes something in the runtime goes through these.
 */
export interface PodChanges {
  /**
   * Runs a call that creates something for a pod.
   *
   * @param madeBy the only new object after a successful call
   */
  making<T>(podUid: string, act: () => Promise<T>, madeBy: (result: T) => Made): Promise<T>;
  /** Runs a call that stops or removes the sandbox or container of this id. */
  ending(id: string, act: () => Promise<void>): Promise<void>;
  /**
   * The pod has changed in a way that its state does not show; the next observation reads its
   * details again.
   */
  forget(podUid: string): void;
}
