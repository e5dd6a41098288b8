/** Who a request comes from, as the API server's reviews name it. */
export interface Identity {
  readonly user: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export const AUTHENTICATED_GROUP = 'system:authenticated';

/** @see Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/authentication/user/user.go */
export const ANONYMOUS: Identity = {
  user: 'system:anonymous',
  groups: ['system:unauthenticated'],
};

/** Everyone who is known is in one group more. */
export function authenticated(identity: Identity): Identity {
  if (identity.groups.includes(AUTHENTICATED_GROUP)) return identity;
  return { ...identity, groups: [...identity.groups, AUTHENTICATED_GROUP] };
}

/** What a request brought along to prove who it is from. */
export interface Credentials {
  /** Of a client certificate that the client CA vouches for. */
  readonly certificate?: Identity | undefined;
  /** The `Authorization` header. */
  readonly authorization?: string | undefined;
}
