import type { EventNote } from '../model/event.js';
import { Lru } from './lru.js';
import { type TokenBucketRules, type TokenBucketState, tryTakeToken } from './token-bucket.js';

/** Number of remembered keys per map; the least recently used are dropped first. */
const REMEMBERED = 4096;
/** From this many different messages of one sort, they are combined into one event. */
const SIMILAR_LIMIT = 10;
const SIMILAR_WINDOW_MS = 600_000;
const COMBINED = '(combined from similar events): ';
/** Limits for the events of one reporter about one object. */
const SPAM: TokenBucketRules = { perSecond: 1 / 300, burst: 25 };

/** The state of an earlier event in the API server. */
export interface ToldEvent {
  readonly name: string;
  readonly namespace: string;
  readonly count: number;
}

export type Correlation =
  /** Too many events about this object. */
  | Readonly<{ kind: 'drop' }>
  /** `key` is the argument for {@link EventCorrelator.told}. */
  | Readonly<{ kind: 'create'; key: string; message: string }>
  | Readonly<{ kind: 'repeat'; key: string; message: string; event: ToldEvent }>;

/**
 * Keeps the stream of events small. Repeats of an event raise its count, many similar events become
 * one, and no object gets more than 25 events at once and one every five minutes after that.
 *
 * @see Kubernetes 1.36 client-go/tools/record/events_cache.go
 */
export class EventCorrelator {
  readonly #similar = new Lru<{ messages: Set<string>; lastMs: number }>(REMEMBERED);
  readonly #told = new Lru<ToldEvent>(REMEMBERED);
  readonly #spam = new Lru<TokenBucketState>(REMEMBERED);

  correlate(note: EventNote, nowMs: number): Correlation {
    const { key, message } = this.#combine(note, nowMs);
    const event = this.#told.get(key);
    if (event !== undefined) this.#told.set(key, { ...event, count: event.count + 1 });
    const object = keyOf(note, 'object');
    const { state, taken } = tryTakeToken(this.#spam.get(object), SPAM, nowMs);
    this.#spam.set(object, state);
    if (!taken) return { kind: 'drop' };
    if (event === undefined) return { kind: 'create', key, message };
    return { kind: 'repeat', key, message, event: { ...event, count: event.count + 1 } };
  }

  /** Records that the API server has stored this event. */
  told(key: string, event: ToldEvent): void {
    this.#told.set(key, event);
  }

  #combine(note: EventNote, nowMs: number): Readonly<{ key: string; message: string }> {
    const sort = keyOf(note, 'sort');
    const known = this.#similar.get(sort);
    const fresh = known === undefined || nowMs - known.lastMs > SIMILAR_WINDOW_MS;
    const messages = fresh ? new Set<string>() : known.messages;
    const alone = messages.has(note.message) || messages.size + 1 < SIMILAR_LIMIT;
    if (messages.size + 1 < SIMILAR_LIMIT) messages.add(note.message);
    this.#similar.set(sort, { messages, lastMs: nowMs });
    if (alone) return { key: keyOf(note, 'event'), message: note.message };
    return { key: sort, message: COMBINED + note.message };
  }
}

/**
 * @param scope `object`: reporter and object; `sort`: also reason and type; `event`: also the
 *   exact message
 */
function keyOf(note: EventNote, scope: 'object' | 'sort' | 'event'): string {
  const { kind, namespace, name, uid, apiVersion, fieldPath } = note.about;
  const object = [kind, namespace, name, uid, apiVersion];
  if (scope === 'object') return JSON.stringify(object);
  const sort = [...object, note.type, note.reason, note.action];
  if (scope === 'sort') return JSON.stringify(sort);
  return JSON.stringify([...sort, fieldPath, note.message]);
}
