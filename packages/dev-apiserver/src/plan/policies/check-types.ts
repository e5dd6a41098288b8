import { type CelType, DYN } from '../../model/cel/type.js';
import type { Kind } from '../../model/kind.js';
import type { ExpressionWarning, MatchResources, PolicySpec } from '../../model/policy.js';
import type { ParseExpression } from '../cel/environment.js';
import { scopeOf, withVariables } from './admission-scope.js';
import { checkTyped } from './check-typed.js';
import { objectTypeOf } from './known-types.js';

/** Kinds for which a policy is checked. */
const MOST_KINDS = 10;

/**
 * The kinds that a policy names without wildcards, sorted.
 *
 * @see Kubernetes 1.36 apiserver pkg/admission/plugin/policy/validating/typechecking.go
 */
export function kindsToCheck(
  { resourceRules = [] }: MatchResources,
  kinds: readonly Kind[],
): readonly Kind[] {
  const named = kinds.filter((kind) =>
    resourceRules.some(
      ({ apiGroups, apiVersions, resources }) =>
        ![...apiGroups, ...apiVersions].some((text) => text.includes('*')) &&
        apiGroups.includes(kind.group) &&
        apiVersions.includes(kind.version) &&
        resources.includes(kind.plural),
    ),
  );
  return named.sort((a, b) => (shown(a) < shown(b) ? -1 : 1)).slice(0, MOST_KINDS);
}

/**
 * Finds expressions that do not fit the fields of the kinds which a policy is about.
 *
 * @param kinds those of {@link kindsToCheck}
 * @param paramKind undefined when it is not known
 */
export function typeWarnings(
  spec: PolicySpec,
  { kinds, paramKind }: Readonly<{ kinds: readonly Kind[]; paramKind: Kind | undefined }>,
  parse: ParseExpression,
): readonly ExpressionWarning[] {
  const params = paramKind === undefined ? undefined : objectTypeOf(paramKind);
  const warn = (fieldRef: string, expression: string): readonly ExpressionWarning[] => {
    const texts = kinds.flatMap((kind) => {
      const problem = problemOf(expression, spec, { kind, params, parse });
      return problem === undefined ? [] : [`${shown(kind)}: ${problem}\n`];
    });
    return texts.length === 0 ? [] : [{ fieldRef, warning: texts.join('\n') }];
  };
  return (spec.validations ?? []).flatMap(({ expression = '', messageExpression = '' }, index) => {
    const at = `spec.validations[${index}]`;
    return [
      ...warn(`${at}.expression`, expression),
      ...(messageExpression === '' ? [] : warn(`${at}.messageExpression`, messageExpression)),
    ];
  });
}

function shown({ group, version, kind }: Kind): string {
  return `${group}/${version}, Kind=${kind}`;
}

interface Known {
  readonly kind: Kind;
  readonly params: CelType | undefined;
  readonly parse: ParseExpression;
}

function problemOf(
  expression: string,
  { paramKind, variables = [] }: PolicySpec,
  { kind, params, parse }: Known,
): string | undefined {
  const object = objectTypeOf(kind);
  if (object === undefined) return undefined;
  const hasParams = paramKind !== undefined;
  const scope = scopeOf({ hasParams, hasAuthorizer: true, object, params });
  const types = new Map<string, CelType>();
  for (const { name = '', expression: text = '' } of variables) {
    const found = checkTyped(text, { scope: withVariables(scope, new Map(types)), parse });
    types.set(name, typeof found === 'string' ? DYN : found.type);
  }
  const found = checkTyped(expression, { scope: withVariables(scope, types), parse });
  return typeof found === 'string' ? found.replace(/^compilation failed: /, '') : undefined;
}
