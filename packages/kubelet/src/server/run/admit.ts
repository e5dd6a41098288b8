import type { Clock, Logger } from '@nodeagent/base';
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
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly lifetime: AbortSignal;
}

/** Strangers decide how often something fails for them: between two lines of one kind about that. */
const SILENCE_MS = 10_000;

/** Warnings of one kind, some of which are only counted. */
class SparingWarnings {
  readonly #ports: Pick<DoorkeeperPorts, 'log' | 'clock'>;
  readonly #message: string;
  #toldMs = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(ports: Pick<DoorkeeperPorts, 'log' | 'clock'>, message: string) {
    this.#ports = ports;
    this.#message = message;
  }

  warn(fields: Readonly<Record<string, unknown>>): void {
    const { log, clock } = this.#ports;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#toldMs < SILENCE_MS) {
      this.#untold += 1;
      return;
    }
    const untold = this.#untold === 0 ? {} : { untold: this.#untold };
    log.warn({ ...fields, ...untold }, this.#message);
    this.#toldMs = nowMs;
    this.#untold = 0;
  }
}

/**
 * Lets a request in, or throws the {@link Refusal} that it is answered with: 401 for nobody we
 * know, 403 for somebody who may not, 429 where too many others are being asked about, 500 where
 * the API server did not say.
 */
export class Doorkeeper {
  readonly #rules: AdmissionRules;
  readonly #reviews: Reviews;
  readonly #accessWarnings: SparingWarnings;
  readonly #tokenWarnings: SparingWarnings;
  readonly #lifetime: AbortSignal;

  /** @param lifetime ends questions under way: an answer is for all who ask, not for the first one */
  constructor(rules: AdmissionRules, ports: DoorkeeperPorts) {
    const inVain = 'the API server was asked in vain';
    this.#rules = rules;
    this.#lifetime = ports.lifetime;
    this.#reviews = ports.reviews;
    this.#accessWarnings = new SparingWarnings(ports, `${inVain} who may`);
    this.#tokenWarnings = new SparingWarnings(ports, `${inVain} whose token this is`);
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
        this.#tokenWarnings.warn({ err });
        return undefined;
      }
    }
    return this.#rules.anonymous ? ANONYMOUS : undefined;
  }
}
