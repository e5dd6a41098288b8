import type { Counter, Logger, Metrics } from '@nodeagent/base';

import type { ObjectFailure } from '../model/object-failure.js';
import { memberOf } from '../plan/object-name.js';

/** Receivers of reports about failures on single objects. */
export interface ObjectFailuresOptions {
  /** The kind of the objects: `Service`. */
  readonly kind: string;
  readonly log: Pick<Logger, 'error'>;
  readonly metrics?: Metrics | undefined;
  readonly onObjectFailure?: ((failure: ObjectFailure) => void) | undefined;
}

/** Reports API objects that an agent could not use: one log line each, and a counter. */
export class ObjectFailures {
  readonly #options: ObjectFailuresOptions;
  readonly #total: Counter | undefined;

  constructor(options: ObjectFailuresOptions) {
    this.#options = options;
    this.#total = options.metrics?.counter({
      name: 'nodeagent_object_failures_total',
      help: 'API objects that could not be used, by kind and by the step that failed: read, handle.',
      labelNames: ['kind', 'step'],
    });
  }

  note(object: unknown, step: ObjectFailure['step'], error: unknown): void {
    const { kind, log, onObjectFailure } = this.#options;
    const metadata = memberOf(object, 'metadata');
    const [namespace, name = '', uid] = ['namespace', 'name', 'uid'].map((member) => {
      const value = memberOf(metadata, member);
      return typeof value === 'string' ? value : undefined;
    });
    const where = {
      kind,
      ...(namespace === undefined ? {} : { namespace }),
      name,
      ...(uid === undefined ? {} : { uid }),
    };
    log.error(
      { ...where, step, err: error },
      'object cannot be used; its previous version stays in force',
    );
    this.#total?.increment({ kind, step });
    onObjectFailure?.({ ...where, step, error });
  }
}
