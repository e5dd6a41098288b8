import type { UserInfo } from './model/request.js';

/** The claims of a bound service account token; the pod is present for tokens bound to one. */
export interface TokenClaims {
  readonly namespace: string;
  readonly serviceAccount: Readonly<{ name: string; uid: string }>;
  readonly pod?: Readonly<{ name: string; uid: string }>;
  readonly node?: Readonly<{ name: string; uid: string }>;
  readonly audiences: readonly string[];
  readonly expiresAtMs: number;
}

export interface TokenSigner {
  /** The audience of tokens that request none, and the one that requests to the API must carry. */
  readonly apiAudience: string;
  sign(claims: TokenClaims): Promise<string>;
  /** @returns undefined for a token that this signer did not sign, or that has expired */
  verify(token: string): Promise<TokenClaims | undefined>;
}

/** Signs certificate signing requests with the cluster's CA. */
export interface SigningRules {
  readonly usage: 'client' | 'server';
  /** True when the subject must be a node's. */
  readonly nodesOnly: boolean;
  readonly seconds: number;
}

export type SigningAnswer = Readonly<{ certificatePem: string }> | Readonly<{ refusal: string }>;

export interface CsrSigner {
  /**
   * @param requestPem as in `spec.request`, decoded
   * @returns the certificate as PEM, or the reason why this signer does not sign the request
   */
  sign(requestPem: string, rules: SigningRules): Promise<SigningAnswer>;
}

/** Finds the owner of a bearer token. */
export type TokenAuthenticator = (
  token: string,
  audiences: readonly string[],
) => Promise<Readonly<{ user: UserInfo; audiences: readonly string[] }> | undefined>;

export type WebhookAnswer = Readonly<{ answer: unknown }> | Readonly<{ failure: string }>;

/** Names a Service that answers for a webhook. */
export interface WebhookService {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/**
 * Finds the server behind a Service.
 *
 * @returns its URL, like `https://127.0.0.1:9443`; undefined to look for the Service's endpoints
 */
export type ResolveService = (
  service: WebhookService,
) => string | undefined | Promise<string | undefined>;

/** Posts a review to a webhook. */
export type WebhookCaller = (
  call: Readonly<{
    url: string;
    /** The address of the server, when it is not the URL's host. */
    connectTo?: Readonly<{ host: string; port: number }> | undefined;
    /** The system's CAs when absent. */
    caPem: string | undefined;
    body: unknown;
    timeoutMs: number;
  }>,
) => Promise<WebhookAnswer>;
