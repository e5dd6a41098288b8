import { type Clock, isAborted, type Logger, type ScopeTask } from '@nodeagent/base';

import type { NodeAnnouncer } from './csi-node.js';

export interface CsiNodeReportOptions {
  readonly announcer: Pick<NodeAnnouncer, 'open'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long the first report of the node waits for its CSINode. */
const PATIENCE_MS = 1000;

/**
 * Creates the node's CSINode. The node is not ready before, because the scheduler would believe
 * that it can have any number of volumes.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_plugin.go, initializeCSINode
 */
export class CsiNodeReport {
  readonly #options: CsiNodeReportOptions;
  readonly #tried = Promise.withResolvers<undefined>();
  #problem: string | undefined = 'CSINode is not yet initialized';

  constructor(options: CsiNodeReportOptions) {
    this.#options = options;
  }

  /** The reason why the node is not ready; undefined when its CSINode exists. */
  problem(): string | undefined {
    return this.#problem;
  }

  /**
   * Resolves after the first attempt, at the latest after a second: a kubelet that is restarted must
   * not report a node as not ready for a moment.
   */
  async settled(signal: AbortSignal): Promise<void> {
    const late = new AbortController();
    const quit = (): void => late.abort();
    signal.addEventListener('abort', quit, { once: true });
    await Promise.race([this.#tried.promise, this.#options.clock.sleep(PATIENCE_MS, late.signal)]);
    signal.removeEventListener('abort', quit);
    quit();
  }

  readonly run: ScopeTask = async (signal) => {
    const { announcer, clock, log } = this.#options;
    let waitMs = 1000;
    while (!signal.aborted) {
      try {
        await announcer.open(signal);
        this.#problem = undefined;
        this.#tried.resolve(undefined);
        return;
      } catch (err) {
        if (isAborted(signal)) return;
        const why = err instanceof Error ? err.message : String(err);
        this.#problem = `failed to initialize CSINode: ${why}`;
        this.#tried.resolve(undefined);
        log.warn({ err, retryInMs: waitMs }, 'CSINode not created');
      }
      await clock.sleep(waitMs, signal);
      waitMs = Math.min(waitMs * 2, 60_000);
    }
  };
}
