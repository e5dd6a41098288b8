import type { Logger } from '@nodeagent/base';
import { originOf } from '@nodeagent/component-base';

import { type NodeRequest, Refusal } from '../model/exchange.js';
import { ANONYMOUS, authenticated, type Identity } from '../model/identity.js';
import { accessQuestions, failureText, refusalText } from '../plan/access.js';
import type { Reviews } from '../ports.js';
import { TooManyQuestions } from './questions.js';

export interface AdmissionRules {
  /** `authentication.anonymous.enabled` */
  readonly anonymous: boolean;
  /** `authentication.webhook.enabled`: bearer tokens are asked about. */
  readonly tokens: boolean;
  /** `authorization.mode` */
  readonly authorization: 'AlwaysAllow' | 'Webhook';
}

export interface DoorkeeperPorts {
  readonly reviews: Reviews;
  readonly log: Logger;
  readonly lifetime: AbortSignal;
}

/**
 * Lets a request in, or throws the {@link Refusal} that it is answered with: 401 for nobody we
 * know, 403 for somebody who may not, 429 where too many others are being asked about, 500 where
 * the API server did not say.
 */
export class Doorkeeper {
  readonly #rules: AdmissionRules;
  readonly #reviews: Reviews;
  readonly #log: Logger;
  readonly #lifetime: AbortSignal;

  /** @param lifetime ends questions under way: an answer is for all who ask, not for the first one */
  constructor(rules: AdmissionRules, { reviews, log, lifetime }: DoorkeeperPorts) {
    this.#rules = rules;
    this.#lifetime = lifetime;
    this.#reviews = reviews;
    this.#log = log;
  }

  async admit(request: NodeRequest): Promise<Identity> {
    const identity = await this.#identify(request);
    if (identity === undefined) throw new Refusal(401, 'Unauthorized');
    if (this.#rules.authorization === 'AlwaysAllow') return identity;
    const questions = accessQuestions(request.method, request.path, identity);
    for (const question of questions) {
      let allowed: boolean;
      try {
        allowed = await this.#reviews.isAllowed(question, this.#lifetime);
      } catch (err) {
        if (err instanceof TooManyQuestions) throw new Refusal(429, err.message);
        this.#log.warn({ err, user: identity.user }, 'the API server was asked in vain who may');
        throw new Refusal(500, failureText(question));
      }
      if (allowed) return identity;
    }
    throw new Refusal(403, refusalText(questions));
  }

  /**
   * A certificate counts before a token. Whoever shows something that proves nothing is nobody, not
   * anonymous.
   */
  async #identify({ credentials, from }: NodeRequest): Promise<Identity | undefined> {
    const { certificate, authorization } = credentials;
    if (certificate !== undefined) return authenticated(certificate);
    const token = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
    if (token !== undefined && this.#rules.tokens) {
      try {
        const found = await this.#reviews.identityOf(token, originOf(from), this.#lifetime);
        return found === undefined ? undefined : authenticated(found);
      } catch (err) {
        if (err instanceof TooManyQuestions) throw new Refusal(429, err.message);
        this.#log.warn({ err }, 'the API server was asked in vain whose token this is');
        return undefined;
      }
    }
    return this.#rules.anonymous ? ANONYMOUS : undefined;
  }
}
