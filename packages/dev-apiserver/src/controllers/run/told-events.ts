import type { EventRecorder } from '@nodeagent/kube-client';

import type { Action } from '../model/action.js';

/** Enough for the objects of a test cluster; beyond it some are told again. */
const MOST = 10_000;

/** Events about a state that lasts: each object's is recorded when it changes, not at each plan. */
export class ToldEvents {
  readonly #events: EventRecorder;
  readonly #last = new Map<string, string>();

  constructor(events: EventRecorder) {
    this.#events = events;
  }

  tell({ uid, event }: Extract<Action, { kind: 'note' }>): void {
    const text = `${event.reason}: ${event.message}`;
    if (this.#last.get(uid) === text) return;
    if (this.#last.size >= MOST) this.#last.clear();
    this.#last.set(uid, text);
    this.#events.record(event);
  }
}
