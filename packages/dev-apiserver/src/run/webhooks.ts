import { decodeObject } from '../codec/decode-object.js';
import { MUTATING_WEBHOOKS, VALIDATING_WEBHOOKS } from '../model/admission-kinds.js';
import { type StatusError, statusError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import { type ApiObject, deepEqual, toApiObject } from '../model/object.js';
import type { Review, Transition } from '../model/review.js';
import type { AdmissionAttributes, Webhook } from '../model/webhook.js';
import { webhooksOf } from '../plan/policies/specs.js';
import { strategyOf } from '../plan/strategies.js';
import { matchedKind, selectorsFit } from '../plan/webhooks/match.js';
import {
  BadAnswer,
  caPemOf,
  failedCall,
  patchedBy,
  reviewOf,
  type Verdict,
  verdictOf,
} from '../plan/webhooks/review.js';
import type { ResolveService, WebhookCaller } from '../ports.js';
import { equivalentsOf, inputOf, namespaceLabels, seenAs, shownAs } from './admitted.js';
import type { Authorizer } from './authorizer.js';
import type { Catalog } from './catalog.js';
import type { Expressions } from './expressions.js';
import type { Policies } from './policies.js';
import type { Registry } from './registry.js';
import { targetOf } from './webhook-targets.js';

const CONFIGURATIONS = {
  mutating: MUTATING_WEBHOOKS,
  validating: VALIDATING_WEBHOOKS,
};

type Phase = keyof typeof CONFIGURATIONS;

/** Maximum number of times that a write starts again because its object has changed meanwhile. */
const MOST_TURNS = 20;

export interface WebhooksPorts {
  readonly registry: Registry;
  readonly catalog: Catalog;
  readonly authorizer: Authorizer;
  readonly expressions: Expressions;
  readonly policies: Policies;
  readonly call: WebhookCaller;
  readonly newUid: () => string;
  readonly resolveService?: ResolveService | undefined;
}

/** One write, whose review stops it as long as a webhook's answer is missing. */
export type ReviewedWrite<T> = (review: Review | undefined) => T;

/** Thrown out of a write: it needs these answers, and then starts again. */
class AnswersNeeded extends Error {
  override readonly name = 'AnswersNeeded';
  readonly phase: Phase;
  readonly transition: Transition;

  constructor(phase: Phase, transition: Transition) {
    super(`the ${phase} webhooks have not answered`);
    this.phase = phase;
    this.transition = transition;
  }
}

interface Matched {
  readonly webhook: Webhook;
  readonly seen: Kind;
}

/**
 * Calls admission webhooks, and has policies evaluated before those that validate. Writes are synchronous, so one that needs an answer is broken off
 * without effect, and made again when the answer is there; if its object has changed meanwhile, the
 * webhooks are asked again.
 */
export class Webhooks {
  readonly #ports: WebhooksPorts;

  constructor(ports: WebhooksPorts) {
    this.#ports = ports;
  }

  /**
   * @param warnings gets the warnings of webhooks and policies
   * @throws {StatusError} what a policy, a webhook, or its failure says
   */
  async review<T>(
    attributes: AdmissionAttributes,
    warnings: string[],
    write: ReviewedWrite<T>,
  ): Promise<T> {
    const matched = {
      mutating: this.#matched('mutating', attributes),
      validating: this.#matched('validating', attributes),
    };
    const check = this.#ports.policies.checkOf(attributes, warnings);
    const isSeen = matched.mutating.length + matched.validating.length > 0;
    if (!isSeen && check === undefined) return write(undefined);
    const answers = new Map<
      Phase,
      Readonly<{ base: Transition; object?: ApiObject | undefined }>
    >();
    const review: Review = {
      mutate: (transition) => {
        if (matched.mutating.length === 0) return transition.object;
        const known = answers.get('mutating');
        if (known === undefined || !sameVersion(known.base.old, transition.old)) {
          throw new AnswersNeeded('mutating', transition);
        }
        return structuredClone<ApiObject | undefined>(known.object);
      },
      validate: (transition) => {
        check?.(transition);
        if (matched.validating.length === 0) return;
        const known = answers.get('validating');
        if (known === undefined || !sameVersion(known.base.old, transition.old)) {
          throw new AnswersNeeded('validating', transition);
        }
      },
    };
    for (let turn = 0; ; turn += 1) {
      try {
        return write(review);
      } catch (error) {
        if (!(error instanceof AnswersNeeded) || turn === MOST_TURNS) throw error;
        const { phase, transition: base } = error;
        const asked = { attributes, warnings, base };
        if (phase === 'validating') {
          await this.#validate(matched.validating, asked);
          answers.set(phase, { base });
        } else {
          answers.set(phase, { base, object: await this.#mutate(matched.mutating, asked) });
          answers.delete('validating');
        }
      }
    }
  }

  /**
   * Reviews what is sent to a subresource, before it is carried out.
   *
   * @returns what is sent, as mutating webhooks leave it
   * @throws {StatusError} as {@link review}
   */
  async admit(
    attributes: AdmissionAttributes,
    warnings: string[],
    { object, old }: Transition & Readonly<{ object: ApiObject }>,
  ): Promise<ApiObject> {
    const asked = { attributes, warnings };
    const mutating = this.#matched('mutating', attributes);
    const validating = this.#matched('validating', attributes);
    const next = await this.#mutate(mutating, { ...asked, base: { object, old } });
    this.#ports.policies.checkOf(attributes, warnings)?.({ object: next, old });
    await this.#validate(validating, { ...asked, base: { object: next, old } });
    return next ?? object;
  }

  #matched(phase: Phase, attributes: AdmissionAttributes): readonly Matched[] {
    const { registry, catalog } = this.#ports;
    const { kind } = attributes;
    const configurations = registry.all(CONFIGURATIONS[phase]);
    if (configurations.length === 0) return [];
    const equivalents = equivalentsOf(catalog.kinds, kind);
    return configurations.flatMap(webhooksOf).flatMap((webhook) => {
      const seen = matchedKind(webhook, attributes, equivalents);
      return seen === undefined ? [] : [{ webhook, seen }];
    });
  }

  async #validate(matched: readonly Matched[], asked: Asked): Promise<void> {
    const wanted = matched.filter((one) => this.#wants(one, asked.base, asked));
    const verdicts = await Promise.all(wanted.map((one) => this.#ask(one, asked.base, asked)));
    for (const verdict of verdicts) if (verdict?.refusal !== undefined) throw verdict.refusal;
  }

  /** Asks one after the other, and earlier ones again that want to see the changes of later ones. */
  async #mutate(matched: readonly Matched[], asked: Asked): Promise<ApiObject | undefined> {
    const { attributes } = asked;
    let { object } = asked.base;
    const again: Matched[] = [];
    const turn = async (one: Matched): Promise<boolean> => {
      const transition = { ...asked.base, object };
      if (!this.#wants(one, transition, asked)) return false;
      const verdict = await this.#ask(one, transition, asked);
      if (verdict?.refusal !== undefined) throw verdict.refusal;
      if (verdict?.patch === undefined || object === undefined) return false;
      const changed = patchedObject(attributes, one.seen, object, verdict.patch);
      const differs = !deepEqual(changed, object);
      object = changed;
      return differs;
    };
    const earlier: Matched[] = [];
    for (const one of matched) {
      if (await turn(one)) again.push(...earlier.filter((before) => !again.includes(before)));
      if (one.webhook.reinvocationPolicy === 'IfNeeded') earlier.push(one);
    }
    for (const one of again) await turn(one);
    return object;
  }

  /** True when a webhook selects the object. @throws {StatusError} when its conditions fail */
  #wants({ webhook, seen }: Matched, transition: Transition, { attributes }: Asked): boolean {
    const { registry, authorizer, expressions } = this.#ports;
    const labels = namespaceLabels(registry, attributes, transition);
    if (!selectorsFit(webhook, transition, labels)) return false;
    const conditions = expressions.conditionsOf(webhook);
    if (conditions === undefined) return true;
    const input = inputOf({ attributes, seen, transition }, { registry, authorizer });
    const verdict = conditions.judge({ ...input, namespaceObject: null });
    if (verdict.kind !== 'failed') return verdict.kind === 'met';
    if (webhook.failurePolicy === 'Ignore') return false;
    throw statusError.forbidden(attributes.kind, attributes.name, verdict.why);
  }

  /** @returns undefined when the webhook's failure is ignored */
  async #ask(
    { webhook, seen }: Matched,
    transition: Transition,
    { attributes, warnings }: Asked,
  ): Promise<Verdict | undefined> {
    const uid = this.#ports.newUid();
    const { object, old } = shownAs(attributes, seen, transition);
    const name = attributes.name || (object?.metadata.name ?? '');
    const body = reviewOf(uid, { ...attributes, name }, { seen, object, old });
    const { registry, resolveService, call } = this.#ports;
    const target = await targetOf(registry, webhook, resolveService);
    const timeoutMs = webhook.timeoutSeconds * 1_000;
    const answer =
      typeof target === 'string'
        ? { failure: target }
        : await call({ ...target, caPem: caPemOf(webhook), body, timeoutMs });
    if ('failure' in answer) {
      onFailure(webhook, failedCall(webhook, answer.failure));
      return;
    }
    try {
      const mutating = webhook.reinvocationPolicy !== undefined;
      const verdict = verdictOf(webhook, answer.answer, { uid, mutating });
      warnings.push(...verdict.warnings.filter((text) => !warnings.includes(text)));
      return verdict;
    } catch (error) {
      if (!(error instanceof BadAnswer)) throw error;
      onFailure(webhook, failedCall(webhook, error.message));
      return;
    }
  }
}

interface Asked {
  readonly attributes: AdmissionAttributes;
  readonly warnings: string[];
  readonly base: Transition;
}

function onFailure({ failurePolicy }: Webhook, error: StatusError): undefined {
  if (failurePolicy === 'Fail') throw error;
}

function patchedObject(
  attributes: AdmissionAttributes,
  seen: Kind,
  object: ApiObject,
  patch: unknown,
): ApiObject {
  const { kind, sent } = attributes;
  const shown = sent === undefined ? seenAs(seen, kind, object) : object;
  const patched = toApiObject(patchedBy(shown, patch));
  if (sent !== undefined) return patched;
  const changed = toApiObject(decodeObject(kind, seenAs(kind, seen, patched)).object);
  strategyOf(kind).defaults?.(changed);
  return changed;
}

function sameVersion(a: ApiObject | undefined, b: ApiObject | undefined): boolean {
  return (
    a?.metadata.uid === b?.metadata.uid &&
    a?.metadata.resourceVersion === b?.metadata.resourceVersion
  );
}
