import { dnsLabelErrors, dnsSubdomainErrors } from '@nodeagent/pod-rules';

import type { AccessQuestion, Decider, Decision } from '../../../model/access.js';
import { CelSpecial, type CelValue, EvaluationError } from '../../../model/cel/value.js';
import type { UserInfo } from '../../../model/request.js';
import { parseFieldSelector } from '../../../model/selectors.js';
import { mismatch, text } from '../arguments.js';
import type { Library } from '../signature.js';

/** The variable `authorizer`: what a user may do. */
export class CelAuthorizer extends CelSpecial {
  override readonly type = 'kubernetes.authorization.Authorizer';
  readonly user: UserInfo;
  readonly decider: Decider;

  constructor(user: UserInfo, decider: Decider) {
    super();
    this.user = user;
    this.decider = decider;
  }

  override get identity(): string {
    return this.user.username;
  }
}

class PathCheck extends CelSpecial {
  override readonly type = 'kubernetes.authorization.PathCheck';
  override readonly identity: string;
  readonly of: CelAuthorizer;

  constructor(of: CelAuthorizer, path: string) {
    super();
    this.of = of;
    this.identity = path;
  }
}

class GroupCheck extends CelSpecial {
  override readonly type = 'kubernetes.authorization.GroupCheck';
  override readonly identity: string;
  readonly of: CelAuthorizer;

  constructor(of: CelAuthorizer, group: string) {
    super();
    this.of = of;
    this.identity = group;
  }
}

type Resource = Omit<AccessQuestion, 'verb'>;

/** A question about a resource, without its verb. */
export class CelResourceCheck extends CelSpecial {
  override readonly type = 'kubernetes.authorization.ResourceCheck';
  readonly of: CelAuthorizer;
  readonly resource: Resource;

  constructor(of: CelAuthorizer, resource: Resource) {
    super();
    this.of = of;
    this.resource = resource;
  }

  override get identity(): string {
    return JSON.stringify(this.resource);
  }

  with(more: Partial<Resource>): CelResourceCheck {
    return new CelResourceCheck(this.of, { ...this.resource, ...more });
  }
}

class CelDecision extends CelSpecial {
  override readonly type = 'kubernetes.authorization.Decision';
  readonly decision: Decision;

  constructor(decision: Decision) {
    super();
    this.decision = decision;
  }

  override get identity(): string {
    return JSON.stringify(this.decision);
  }
}

function authorizer(value: CelValue): CelAuthorizer {
  if (value instanceof CelAuthorizer) return value;
  throw mismatch('kubernetes.authorization.Authorizer', value);
}

function resourceCheck(value: CelValue): CelResourceCheck {
  if (value instanceof CelResourceCheck) return value;
  throw mismatch('kubernetes.authorization.ResourceCheck', value);
}

function decision(value: CelValue): Decision {
  if (value instanceof CelDecision) return value.decision;
  throw mismatch('kubernetes.authorization.Decision', value);
}

/** @throws {EvaluationError} for a text without letters */
function given(value: CelValue, what: string): string {
  if (text(value).trim() === '') throw new EvaluationError(`${what} must not be empty`);
  return text(value);
}

/** @see Kubernetes 1.36 apiserver pkg/authentication/serviceaccount/util.go, ServiceAccountInfo */
function serviceAccount(of: CelAuthorizer, namespace: string, name: string): CelAuthorizer {
  if (dnsSubdomainErrors('', name).length > 0) {
    throw new EvaluationError('Invalid service account name');
  }
  if (dnsLabelErrors('', namespace).length > 0) {
    throw new EvaluationError('Invalid service account namespace');
  }
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  const user = { username: `system:serviceaccount:${namespace}:${name}`, groups };
  return new CelAuthorizer(user, of.decider);
}

/** A selector that cannot be read asks about all objects. */
function fieldsOf(selector: string): Partial<Resource> {
  try {
    return { fields: parseFieldSelector(selector).filter(({ equal }) => equal) };
  } catch {
    return {};
  }
}

/** @see Kubernetes 1.36 apiserver pkg/cel/library/authz.go */
export const AUTHORIZATION: Library = [
  ['path', 'authorizer.(string) path', (a, b) => new PathCheck(authorizer(a), given(b, 'path'))],
  ['group', 'authorizer.(string) group', (a, b) => new GroupCheck(authorizer(a), text(b))],
  [
    'serviceAccount',
    'authorizer.(string, string) authorizer',
    (a, b, c) => serviceAccount(authorizer(a), text(b), text(c)),
  ],
  [
    'resource',
    'group.(string) resource',
    (a, b) => {
      if (!(a instanceof GroupCheck)) throw mismatch('kubernetes.authorization.GroupCheck', a);
      const rest = { subresource: '', namespace: '', name: '' };
      const resource = given(b, 'resource');
      return new CelResourceCheck(a.of, { group: a.identity, resource, ...rest });
    },
  ],
  [
    'subresource',
    'resource.(string) resource',
    (a, b) => resourceCheck(a).with({ subresource: text(b) }),
  ],
  [
    'namespace',
    'resource.(string) resource',
    (a, b) => resourceCheck(a).with({ namespace: text(b) }),
  ],
  ['name', 'resource.(string) resource', (a, b) => resourceCheck(a).with({ name: text(b) })],
  [
    'fieldSelector',
    'resource.(string) resource',
    (a, b) => resourceCheck(a).with(fieldsOf(text(b))),
  ],
  // no decision here depends on labels
  ['labelSelector', 'resource.(string) resource', (a) => a],
  [
    'check',
    'path.(string) decision',
    (a, b) => {
      if (!(a instanceof PathCheck)) throw mismatch('kubernetes.authorization.PathCheck', a);
      return new CelDecision(a.of.decider.decidePath(a.of.user, text(b), a.identity));
    },
  ],
  [
    'check',
    'resource.(string) decision',
    (a, b) => {
      const { of, resource } = resourceCheck(a);
      return new CelDecision(of.decider.decide(of.user, { ...resource, verb: text(b) }));
    },
  ],
  ['allowed', 'decision.() bool', (a) => decision(a).allowed],
  ['reason', 'decision.() string', (a) => decision(a).why],
  // a decision of this server never fails
  ['errored', 'decision.() bool', () => false],
  ['error', 'decision.() string', () => ''],
];
