import { type CelType, DYN } from '../../model/cel/type.js';
import type { Kind } from '../../model/kind.js';
import type { ExpressionWarning, PolicySpec } from '../../model/policy.js';
import type { ParseExpression } from '../cel/environment.js';
import { scopeOf, withVariables } from './admission-scope.js';
import { checkTyped } from './check-typed.js';
import { kindText } from './kinds-to-check.js';
import { objectTypeOf } from './known-types.js';

/**
 * Finds expressions that do not fit the fields of the kinds which a policy is about.
 *
 * @param kinds those of `kindsToCheck`
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
      return problem === undefined ? [] : [`${kindText(kind)}: ${problem}\n`];
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
