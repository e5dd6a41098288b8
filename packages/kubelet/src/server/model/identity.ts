/** The caller of a request, in the terms of the API server's reviews. */
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

/** Adds the group of all authenticated users. */
export function authenticated(identity: Identity): Identity {
  if (identity.groups.includes(AUTHENTICATED_GROUP)) return identity;
  return { ...identity, groups: [...identity.groups, AUTHENTICATED_GROUP] };
}

/** The proofs of identity in a request. */
export interface Credentials {
  /** The identity in a client certificate that the client CA has signed. */
  readonly certificate?: Identity | undefined;
  /** The `Authorization` header. */
  readonly authorization?: string | undefined;
}
