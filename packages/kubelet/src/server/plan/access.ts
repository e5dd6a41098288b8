import type { Identity } from '../model/identity.js';
import { ACCESS_RULES, OTHER_ACCESS } from '../model/routes.js';

/** A question to the authorizer: may this identity access this subresource of this node? */
export interface AccessQuestion {
  readonly identity: Identity;
  readonly verb: string;
  /** A subresource of `nodes`. */
  readonly subresource: string;
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** The questions, in asking order; one positive answer grants access. */
export function accessQuestions(
  method: string,
  path: string,
  identity: Identity,
): readonly [AccessQuestion, ...AccessQuestion[]] {
  const rule = ACCESS_RULES.find((one) => path === one.path || path.startsWith(`${one.path}/`));
  const verb = VERBS[method] ?? '';
  const [first = 'proxy', ...rest] = rule?.subresources ?? OTHER_ACCESS;
  const question = (subresource: string): AccessQuestion => ({ identity, verb, subresource });
  return [question(first), ...rest.map(question)];
}

/** The refusal in upstream's words: identity, verb and subresources. */
export function refusalText(questions: readonly [AccessQuestion, ...AccessQuestion[]]): string {
  const [{ identity, verb }] = questions;
  const parts = questions.map(({ subresource }) => subresource).join(' ');
  return `Forbidden (user=${identity.user}, verb=${verb}, resource=nodes, subresource(s)=[${parts}])`;
}

export function failureText({ identity, verb, subresource }: AccessQuestion): string {
  return `Authorization error (user=${identity.user}, verb=${verb}, resource=nodes, subresource=${subresource})`;
}
