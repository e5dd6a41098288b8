import type { Clock } from '@nodeagent/base';

import { kindOf } from '../model/kinds.js';
import type { UserInfo } from '../model/request.js';
import { bootstrapSecretName, bootstrapUser } from '../plan/bootstrap-token.js';
import type { TokenAuthenticator, TokenClaims, TokenSigner } from '../ports.js';
import type { Registry } from './registry.js';

const PODS = kindOf('', 'pods');
const SECRETS = kindOf('', 'secrets');
const SERVICE_ACCOUNTS = kindOf('', 'serviceaccounts');

export interface TokenSources {
  readonly registry: Registry;
  readonly signer: TokenSigner;
  readonly staticTokens: ReadonlyMap<string, UserInfo>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/**
 * Accepts static tokens first, then bootstrap tokens that a secret vouches for, then service account
 * tokens whose account and pod still exist.
 */
export function createTokenAuthenticator({
  registry,
  signer,
  staticTokens,
  clock,
}: TokenSources): TokenAuthenticator {
  return async (token, audiences) => {
    const known = staticTokens.get(token);
    if (known !== undefined) {
      return { user: { ...known, groups: [...known.groups, 'system:authenticated'] }, audiences };
    }
    const name = bootstrapSecretName(token);
    if (name !== undefined) {
      const secret = registry.find(SECRETS, { namespace: 'kube-system', name });
      const user = secret && bootstrapUser(token, secret, clock.nowMs());
      return user && { user, audiences };
    }
    const claims = await signer.verify(token);
    if (claims === undefined || !isBacked(registry, claims)) return undefined;
    const shared = claims.audiences.filter((audience) => audiences.includes(audience));
    return shared.length === 0 ? undefined : { user: userOf(claims), audiences: shared };
  };
}

function isBacked(registry: Registry, { namespace, serviceAccount, pod }: TokenClaims): boolean {
  const account = registry.find(SERVICE_ACCOUNTS, { namespace, name: serviceAccount.name });
  if (account?.metadata.uid !== serviceAccount.uid) return false;
  if (pod === undefined) return true;
  return registry.find(PODS, { namespace, name: pod.name })?.metadata.uid === pod.uid;
}

function userOf({ namespace, serviceAccount, pod, node }: TokenClaims): UserInfo {
  const extra = {
    ...(pod === undefined
      ? {}
      : {
          'authentication.kubernetes.io/pod-name': [pod.name],
          'authentication.kubernetes.io/pod-uid': [pod.uid],
        }),
    ...(node === undefined
      ? {}
      : {
          'authentication.kubernetes.io/node-name': [node.name],
          'authentication.kubernetes.io/node-uid': [node.uid],
        }),
  };
  return {
    username: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    uid: serviceAccount.uid,
    groups: [
      'system:serviceaccounts',
      `system:serviceaccounts:${namespace}`,
      'system:authenticated',
    ],
    extra,
  };
}
