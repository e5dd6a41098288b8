import { kindOf } from '../model/kinds.js';
import type { UserInfo } from '../model/request.js';
import type { TokenAuthenticator, TokenClaims, TokenSigner } from '../ports.js';
import type { Registry } from './registry.js';

const PODS = kindOf('', 'pods');
const SERVICE_ACCOUNTS = kindOf('', 'serviceaccounts');

/** Accepts static tokens first, then service account tokens whose account and pod still exist. */
export function createTokenAuthenticator(
  registry: Registry,
  signer: TokenSigner,
  staticTokens: ReadonlyMap<string, UserInfo>,
): TokenAuthenticator {
  return async (token, audiences) => {
    const known = staticTokens.get(token);
    if (known !== undefined) {
      return { user: { ...known, groups: [...known.groups, 'system:authenticated'] }, audiences };
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
