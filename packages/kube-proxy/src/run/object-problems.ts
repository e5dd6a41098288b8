import type { Logger } from '@nodeagent/base';
import type { EventRecorder } from '@nodeagent/kube-client';

import type { Problems } from '../ports.js';

/** Maximum number of objects remembered; beyond it, a problem may be reported more than once. */
const MOST_OBJECTS = 10_000;

/**
 * Reports problems of objects by log and by event on the object, each sentence once for as long as
 * it holds.
 */
export class ObjectProblems implements Problems {
  readonly #reported = new Map<string, ReadonlySet<string>>();
  readonly #events: EventRecorder;
  readonly #log: Logger;

  constructor({ events, log }: Readonly<{ events: EventRecorder; log: Logger }>) {
    this.#events = events;
    this.#log = log;
  }

  set(about: Parameters<Problems['set']>[0], messages: readonly string[]): void {
    const { kind, name: fullName, part } = about;
    const key = `${kind} ${fullName} ${part}`;
    const before = this.#reported.get(key);
    if (messages.length === 0) {
      this.#reported.delete(key);
      return;
    }
    if (before === undefined && this.#reported.size >= MOST_OBJECTS) this.#reported.clear();
    this.#reported.set(key, new Set(messages));
    const [namespace = '', name = ''] = fullName.split('/');
    for (const message of messages) {
      if (before?.has(message) === true) continue;
      this.#log.warn({ kind, object: fullName, problem: message }, 'object not wholly served');
      const about = { kind, namespace, name };
      this.#events.record({
        type: 'Warning',
        reason: 'NotWhollyServed',
        action: 'Program',
        message,
        about,
      });
    }
  }
}
