import type { Logger } from '@nodeagent/base';
import type { EventRecorder } from '@nodeagent/kube-client';

import type { Problems } from '../ports.js';

/** How many objects with problems are remembered; beyond, a problem may be told more than once. */
const MOST_OBJECTS = 10_000;

/**
 * Tells what is wrong with objects, by log and by event on the object, each sentence once for as
 * long as it holds.
 */
export class ObjectProblems implements Problems {
  readonly #told = new Map<string, ReadonlySet<string>>();
  readonly #events: EventRecorder;
  readonly #logger: Logger;

  constructor({ events, logger }: Readonly<{ events: EventRecorder; logger: Logger }>) {
    this.#events = events;
    this.#logger = logger;
  }

  set(about: Parameters<Problems['set']>[0], messages: readonly string[]): void {
    const { kind, name: fullName, part } = about;
    const key = `${kind} ${fullName} ${part}`;
    const before = this.#told.get(key);
    if (messages.length === 0) {
      this.#told.delete(key);
      return;
    }
    if (before === undefined && this.#told.size >= MOST_OBJECTS) this.#told.clear();
    this.#told.set(key, new Set(messages));
    const [namespace = '', name = ''] = fullName.split('/');
    for (const message of messages) {
      if (before?.has(message) === true) continue;
      this.#logger.warn({ kind, object: fullName, problem: message }, 'object not wholly served');
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
