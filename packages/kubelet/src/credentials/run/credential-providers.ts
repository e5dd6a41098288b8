import { type Clock, DEFAULT_BUCKETS, type Logger, type Metrics } from '@nodeagent/base';
import { isKubeError, type KubeClient, type Pod, SERVICE_ACCOUNTS } from '@nodeagent/kube-client';

import { type PodEvents, podName, podNamespace } from '../../pod/index.js';
import type { TokenSource } from '../../volumes/index.js';
import {
  parseProviderResponse,
  type ProviderResponse,
  renderProviderRequest,
} from '../codec/provider-messages.js';
import type { CredentialProvider, ProviderToken } from '../model/credential-provider.js';
import { type KeyringEntry, matchesImage } from '../plan/keyring.js';
import {
  cacheKey,
  callKey,
  lookupKeys,
  ownerKey,
  type ProviderIdentity,
} from '../plan/provider-cache.js';
import type { CallProvider, ProvidedEntry } from '../ports.js';

export interface CredentialProvidersOptions {
  readonly providers: readonly CredentialProvider[];
  readonly call: CallProvider;
  readonly client: Pick<KubeClient, 'get'>;
  readonly tokens: Pick<TokenSource, 'token'>;
  readonly events: Pick<PodEvents, 'warning'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** The default lifetime of a TokenRequest. */
const TOKEN_SECONDS = 3600;
const PURGE_EVERY_MS = 15 * 60_000;

interface Kept {
  readonly entries: readonly KeyringEntry[];
  readonly untilMs: number;
}

/**
 * Calls the configured plug-ins for credentials, and caches their answers for the duration that
 * they specify. If one fails, the pull proceeds with the credentials of the others; the log
 * contains the error, and an event of the pod names the plug-in.
 *
 * @param lifetime of calls: several pulls may wait for the same one
 * @see Kubernetes 1.36 pkg/credentialprovider/plugin/plugin.go
 */
export function createCredentialProviders(
  options: CredentialProvidersOptions,
  lifetime: AbortSignal,
): (pod: Pod, image: string, signal: AbortSignal) => Promise<readonly ProvidedEntry[]> {
  const { log, events } = options;
  const askers = options.providers.map((provider) => new Asker(provider, options, lifetime));
  return async (pod, image, signal) => {
    const answers = askers.map(async (asker) => {
      try {
        return await asker.entries(pod, image, signal);
      } catch (err) {
        signal.throwIfAborted();
        const { name: provider } = asker.provider;
        const about = { namespace: podNamespace(pod), name: podName(pod) };
        log.error({ provider, image, pod: about, err }, 'credential provider failed');
        const text = `Credential provider ${JSON.stringify(provider)} gave no credentials for image ${JSON.stringify(image)}${publicCause(err)}`;
        events.warning(pod, 'FailedToRetrieveImageCredentials', text);
        return [];
      }
    });
    return (await Promise.all(answers)).flat();
  };
}

/**
 * The part of a failure that the pod's readers may see: the API server's message, which usually
 * refuses the token for a plug-in. A plug-in's output may contain secrets and stays in the node's
 * log.
 */
function publicCause(error: unknown): string {
  if (isKubeError(error)) return `: ${error.status?.message ?? error.message}`;
  return "; the kubelet's log says why";
}

class Asker {
  readonly provider: CredentialProvider;
  readonly #options: CredentialProvidersOptions;
  readonly #lifetime: AbortSignal;
  readonly #kept = new Map<string, Kept>();
  /** Calls in progress. */
  readonly #calls = new Map<string, Promise<ProviderResponse>>();
  #purgedMs: number;

  constructor(
    provider: CredentialProvider,
    options: CredentialProvidersOptions,
    lifetime: AbortSignal,
  ) {
    this.provider = provider;
    this.#options = options;
    this.#lifetime = lifetime;
    this.#purgedMs = options.clock.monotonicMs();
  }

  async entries(pod: Pod, image: string, signal: AbortSignal): Promise<readonly ProvidedEntry[]> {
    const { matchImages, token } = this.provider;
    if (!matchImages.some((glob) => matchesImage(glob, image))) return [];
    const identity = token && (await this.#identity(pod, token, signal));
    if (identity === 'not asked') return [];
    const owner = ownerKey(identity, token?.cacheType);
    const entries = this.#lookUp(image, owner) ?? (await this.#ask(image, owner, identity));
    if (identity === undefined) return entries;
    const { namespace, name, uid } = identity;
    return entries.map((entry) => ({ ...entry, serviceAccount: { uid, namespace, name } }));
  }

  /** Undefined for a pod without service account, if the plug-in allows that. */
  async #identity(
    pod: Pod,
    wanted: ProviderToken,
    signal: AbortSignal,
  ): Promise<ProviderIdentity | 'not asked' | undefined> {
    const { client, tokens, log } = this.#options;
    const namespace = podNamespace(pod);
    const name = pod.spec?.serviceAccountName ?? '';
    if (name === '') return wanted.requireServiceAccount ? 'not asked' : undefined;
    const { metadata = {} } = await client.get(SERVICE_ACCOUNTS, { namespace, name }, signal);
    const all = metadata.annotations ?? {};
    const missing = wanted.requiredAnnotations.find((key) => all[key] === undefined);
    if (missing !== undefined) {
      const fields = { provider: this.provider.name, serviceAccount: { namespace, name }, missing };
      log.debug(fields, 'credential provider not called: a required annotation is missing');
      return 'not asked';
    }
    const keys = [...wanted.requiredAnnotations, ...wanted.optionalAnnotations];
    const annotations = Object.fromEntries(
      keys.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])),
    );
    const { audience } = wanted;
    const token = await tokens.token(pod, { audience, expirationSeconds: TOKEN_SECONDS }, signal);
    return { namespace, name, uid: metadata.uid ?? '', annotations, token };
  }

  #lookUp(image: string, owner: string): readonly KeyringEntry[] | undefined {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#purgedMs >= PURGE_EVERY_MS) {
      this.#purgedMs = nowMs;
      for (const [key, { untilMs }] of this.#kept) if (untilMs <= nowMs) this.#kept.delete(key);
    }
    const found = lookupKeys(image, owner)
      .map((key) => this.#kept.get(key))
      .find((kept) => kept !== undefined && kept.untilMs > nowMs);
    return found?.entries;
  }

  async #ask(
    image: string,
    owner: string,
    identity: ProviderIdentity | undefined,
  ): Promise<readonly KeyringEntry[]> {
    const key = callKey(image, identity);
    let call = this.#calls.get(key);
    if (call === undefined) {
      call = this.#call(image, identity).finally(() => this.#calls.delete(key));
      this.#calls.set(key, call);
    }
    const { cacheKeyType, cacheMs, entries } = await call;
    const { defaultCacheMs, token } = this.provider;
    const isEcho = entries.some(({ auth }) => auth.password === identity?.token);
    if (identity !== undefined && token?.cacheType !== 'Token' && isEcho) {
      throw new Error(
        'the credential provider returned the service account token as a password, which requires cacheType Token',
      );
    }
    const forMs = cacheMs ?? defaultCacheMs;
    if (forMs > 0) {
      const untilMs = this.#options.clock.monotonicMs() + forMs;
      this.#kept.set(cacheKey(cacheKeyType, image, owner), { entries, untilMs });
    }
    return entries;
  }

  async #call(image: string, identity: ProviderIdentity | undefined): Promise<ProviderResponse> {
    const { call, clock, metrics } = this.#options;
    const labels = { plugin_name: this.provider.name };
    const request = renderProviderRequest(this.provider, {
      image,
      ...(identity !== undefined && { serviceAccountToken: identity.token }),
      ...(identity !== undefined &&
        Object.keys(identity.annotations).length > 0 && {
          serviceAccountAnnotations: identity.annotations,
        }),
    });
    const beganMs = clock.monotonicMs();
    let text: string;
    try {
      text = await call(this.provider, request, this.#lifetime);
    } catch (error) {
      metrics
        .counter({
          name: 'kubelet_credential_provider_plugin_errors_total',
          help: 'Number of errors from credential provider plugin',
          labelNames: ['plugin_name'],
        })
        .increment(labels);
      throw error;
    } finally {
      metrics
        .histogram({
          name: 'kubelet_credential_provider_plugin_duration',
          help: 'Duration of execution in seconds for credential provider plugin',
          labelNames: ['plugin_name'],
          buckets: DEFAULT_BUCKETS,
        })
        .observe((clock.monotonicMs() - beganMs) / 1000, labels);
    }
    return parseProviderResponse(text, this.provider);
  }
}
