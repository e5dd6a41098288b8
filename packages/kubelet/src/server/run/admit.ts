import type { Clock, Logger } from '@nodeagent/base';
import { originOf } from '@nodeagent/component-base';

import { type NodeRequest, Refusal } from '../model/exchange.js';
import { ANONYMOUS, authenticated, type Identity } from '../model/identity.js';
import { accessQuestions, failureText, refusalText } from '../plan/access.js';
import type { Reviews } from '../ports.js';
import { TooManyQuestions } from './questions.js';

/** The fields of the configuration that decide who may use the node API. */
export interface AdmissionRules {
  /** `authentication.anonymous.enabled` */
  readonly anonymous: boolean;
  /** `authentication.webhook.enabled`: bearer tokens are checked with the API server. */
  readonly tokens: boolean;
  /** `authorization.mode` */
  readonly authorization: 'AlwaysAllow' | 'Webhook';
}

export interface DoorkeeperPorts {
  readonly reviews: Reviews;
  readonly log: Logger;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly lifetime: AbortSignal;
}

/**
 * Minimum time between two log lines of one kind: unauthenticated clients can cause any number of
 * failures.
 */
const SILENCE_MS = 10_000;

/** Logs warnings of one kind at a limited rate, and counts the suppressed ones. */
class SparingWarnings {
  readonly #ports: Pick<DoorkeeperPorts, 'log' | 'clock'>;
  readonly #message: string;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  constructor(ports: Pick<DoorkeeperPorts, 'log' | 'clock'>, message: string) {
    this.#ports = ports;
    this.#message = message;
  }

  warn(fields: Readonly<Record<string, unknown>>): void {
    const { log, clock } = this.#ports;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#loggedMs < SILENCE_MS) {
      this.#suppressed += 1;
      return;
    }
    const suppressed = this.#suppressed === 0 ? {} : { suppressed: this.#suppressed };
    log.warn({ ...fields, ...suppressed }, this.#message);
    this.#loggedMs = nowMs;
    this.#suppressed = 0;
  }
}

/**
 * Authenticates and authorizes requests. Throws the answer: 401 for an
 * unknown caller, 403 without permission, 429 if too many reviews are in progress, 500 if the API
 * server does not answer.
 */
export class Doorkeeper {
  readonly #rules: AdmissionRules;
  readonly #reviews: Reviews;
  readonly #accessWarnings: SparingWarnings;
  readonly #tokenWarnings: SparingWarnings;
  readonly #lifetime: AbortSignal;

  /**
   * @param ports `lifetime` ends the reviews in progress; the first caller's own signal must not, as
   *   others may wait for the same review
   */
  constructor(rules: AdmissionRules, ports: DoorkeeperPorts) {
    this.#rules = rules;
    this.#lifetime = ports.lifetime;
    this.#reviews = ports.reviews;
    this.#accessWarnings = new SparingWarnings(
      ports,
      'the API server did not answer the authorization review',
    );
    this.#tokenWarnings = new SparingWarnings(
      ports,
      'the API server did not answer the token review',
    );
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
        this.#accessWarnings.warn({ err, user: identity.user });
        throw new Refusal(500, failureText(question));
      }
      if (allowed) return identity;
    }
    throw new Refusal(403, refusalText(questions));
  }

  /**
   * A client certificate takes precedence over a token. A request with invalid credentials is
   * refused, not treated as anonymous.
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
        this.#tokenWarnings.warn({ err });
        return undefined;
      }
    }
    return this.#rules.anonymous ? ANONYMOUS : undefined;
  }
}
