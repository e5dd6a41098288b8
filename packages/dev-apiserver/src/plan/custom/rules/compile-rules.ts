import { ExpressionError } from '../../../model/cel/expression.js';
import { BOOL, type CelType, STRING } from '../../../model/cel/type.js';
import { field, type FieldError } from '../../../model/errors.js';
import { type JsonSchema, type ValidationRule, valueSchema } from '../../../model/json-schema.js';
import { product, type Sized } from '../../cel/cost/size.js';
import {
  type CheckedExpression,
  checkExpression,
  type ParseExpression,
  typeProblem,
} from '../../cel/environment.js';
import { hasRules } from './check-rules.js';
import { normalizedPath } from './field-path.js';
import { type Cardinality, partsOf, RuleCosts } from './rule-costs.js';
import { isEmbedded, type Shape, shapeOf } from './shape.js';
import { mostValues, sizesOf } from './sizes.js';

/** A rule that is ready to be evaluated. */
export interface CompiledRule {
  readonly source: ValidationRule;
  readonly rule: CheckedExpression;
  readonly message: CheckedExpression | undefined;
  /** Below the place of the rule; empty for that place. */
  readonly fieldPath: string;
  readonly usesOldSelf: boolean;
}

/** The rules of one part of a schema, and of the parts within it. */
export interface RuleNode {
  /** The structural schema, which describes the values. */
  readonly schema: JsonSchema;
  readonly shape: Shape | undefined;
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleNode>;
  readonly items: RuleNode | undefined;
  readonly values: RuleNode | undefined;
  readonly allOf: readonly RuleNode[];
}

interface Place {
  readonly path: string;
  /** The name of the type of objects at this place. */
  readonly typeName: string;
  readonly isResource: boolean;
  /** The path of the list whose items have no counterpart in the old object. */
  readonly uncorrelated: string | undefined;
  readonly cardinality: Cardinality;
}

/**
 * Compiles the rules of a schema.
 *
 * @param path of the schema, for errors
 * @param errors receives those of rules that do not compile
 * @returns undefined when there are no rules
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apiserver/schema/cel/compilation.go
 */
export function compileRules(
  schema: JsonSchema,
  path: string,
  parse: ParseExpression,
  errors: FieldError[],
): RuleNode | undefined {
  const place = { path, typeName: 'selfType', isResource: true };
  const start = { ...place, uncorrelated: undefined, cardinality: 1 };
  const costs = new RuleCosts();
  const node = nodeOf({ rules: schema, values: schema }, start, { parse, errors, costs });
  errors.push(...costs.totalErrors(path));
  return node;
}

interface Tools {
  readonly parse: ParseExpression;
  readonly errors: FieldError[];
  readonly costs: RuleCosts;
}

/** `rules` is the schema with the rules; within `allOf` another one than that of the values. */
interface Pair {
  readonly rules: JsonSchema;
  readonly values: JsonSchema;
}

function nodeOf(pair: Pair, place: Place, tools: Tools): RuleNode | undefined {
  const { rules, values } = pair;
  if (!hasRules(rules)) return undefined;
  const shape = shapeOf(values, place.typeName, place.isResource);
  const own = rules['x-kubernetes-validations'] ?? [];
  if (shape === undefined && own.length > 0) {
    const why = 'internal error: failed to retrieve type information for x-kubernetes-validations';
    tools.errors.push(field.forbidden(`${place.path}.x-kubernetes-validations`, why));
  }
  const sized = own.length === 0 ? undefined : sizesOf(values, place.isResource);
  const compiled =
    shape === undefined
      ? []
      : own.flatMap((source, index) =>
          compileRule({ source, index, sized }, pair, shape, place, tools),
        );
  return {
    schema: values,
    shape,
    rules: compiled,
    properties: propertyNodes(pair, place, tools),
    items: itemsNode(pair, place, tools),
    values: valuesNode(pair, place, tools),
    allOf: (rules.allOf ?? []).flatMap((inner, index) => {
      const at = { ...place, path: `${place.path}.allOf[${index}]` };
      return nodeOf({ rules: inner, values }, at, tools) ?? [];
    }),
  };
}

function propertyNodes(
  { rules, values }: Pair,
  place: Place,
  tools: Tools,
): ReadonlyMap<string, RuleNode> {
  const nodes = new Map<string, RuleNode>();
  for (const [name, schema] of Object.entries(rules.properties ?? {})) {
    const of = values.properties?.[name];
    if (of === undefined) continue;
    const at = below(place, `.properties[${name}]`, `.${name}`, { of, within: values });
    const node = nodeOf({ rules: schema, values: of }, at, tools);
    if (node !== undefined) nodes.set(name, node);
  }
  return nodes;
}

function itemsNode({ rules, values }: Pair, place: Place, tools: Tools): RuleNode | undefined {
  if (rules.items === undefined || values.items === undefined) return undefined;
  const isKeyed = values['x-kubernetes-list-type'] === 'map';
  const at = below(place, '.items', '.@idx', { of: values.items, within: values });
  const uncorrelated = isKeyed ? place.uncorrelated : (place.uncorrelated ?? place.path);
  return nodeOf({ rules: rules.items, values: values.items }, { ...at, uncorrelated }, tools);
}

function valuesNode({ rules, values }: Pair, place: Place, tools: Tools): RuleNode | undefined {
  const [inner, of] = [valueSchema(rules), valueSchema(values)];
  if (inner === undefined || of === undefined) return undefined;
  const at = below(place, '.additionalProperties', '.@elem', { of, within: values });
  return nodeOf({ rules: inner, values: of }, at, tools);
}

function below(
  place: Place,
  path: string,
  name: string,
  { of, within }: Readonly<{ of: JsonSchema; within: JsonSchema }>,
): Place {
  return {
    ...place,
    path: place.path + path,
    typeName: place.typeName + name,
    isResource: isEmbedded(of),
    cardinality: partsOf(place.cardinality, within),
  };
}

function compileRule(
  {
    source,
    index,
    sized,
  }: Readonly<{ source: ValidationRule; index: number; sized: Sized | undefined }>,
  { values }: Pair,
  { type }: Shape,
  place: Place,
  { parse, errors, costs }: Tools,
): readonly CompiledRule[] {
  const at = `${place.path}.x-kubernetes-validations[${index}]`;
  const oldType: CelType = source.optionalOldSelf === true ? { kind: 'optional', of: type } : type;
  const scope = new Map([
    ['self', type],
    ['oldSelf', oldType],
  ]);
  const check = (text: string, wanted: CelType, what: string): CheckedExpression | undefined => {
    const isRule = what === 'rule';
    const problem = (why: string) =>
      errors.push(field.invalid(`${at}.${what}`, shown(source), why));
    try {
      const compiled = checkExpression(text, parse, scope, sized);
      if (!typeProblem(compiled, wanted)) return compiled;
      problem(
        isRule
          ? 'cel expression must evaluate to a bool'
          : 'messageExpression must evaluate to a string',
      );
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      problem(`${isRule ? '' : 'messageExpression '}compilation failed: ${error.message}`);
    }
    return undefined;
  };
  const rule = check(source.rule, BOOL, 'rule');
  if (rule === undefined) return [];
  const times = place.cardinality ?? (sized === undefined ? 1 : mostValues(sized));
  errors.push(...costs.count(`${at}.rule`, 'rule', product(rule.cost, times)));
  const { messageExpression = '', fieldPath = '' } = source;
  const message =
    messageExpression === '' ? undefined : check(messageExpression, STRING, 'messageExpression');
  if (message !== undefined) {
    const where = `${at}.messageExpression`;
    errors.push(...costs.count(where, 'messageExpression', message.cost));
  }
  const usesOldSelf = rule.uses.has('oldSelf');
  if (usesOldSelf && place.uncorrelated !== undefined) {
    const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelated}`;
    errors.push(field.invalid(`${at}.rule`, source.rule, why));
  } else if (!usesOldSelf && source.optionalOldSelf !== undefined) {
    const why = 'may not be set if oldSelf is not used in rule';
    errors.push(field.invalid(`${at}.optionalOldSelf`, source.optionalOldSelf, why));
  }
  const path = normalizedPath(values, fieldPath) ?? '';
  return [{ source, rule, message, fieldPath: path, usesOldSelf }];
}

/** A rule as the API server shows it in errors: with Go's names of the fields. */
function shown(rule: ValidationRule): unknown {
  return {
    Rule: rule.rule,
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  };
}
