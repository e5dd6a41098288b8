import type { Decider } from './access.js';
import type { FieldError } from './errors.js';
import type { Kind } from './kind.js';
import type { JsonObject } from './object.js';
import type { UserInfo } from './request.js';
import type { LabelSelector, MatchCondition, WebhookRule } from './webhook.js';

export interface NamedRule extends WebhookRule {
  /** Any name when absent or empty. */
  readonly resourceNames?: readonly string[];
}

/** Which writes a policy or a binding is about. */
export interface MatchResources {
  readonly matchPolicy?: 'Exact' | 'Equivalent';
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  /** Every write when absent or empty. */
  readonly resourceRules?: readonly NamedRule[];
  readonly excludeResourceRules?: readonly NamedRule[];
}

export interface Validation {
  readonly expression?: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
}

/** The spec of a ValidatingAdmissionPolicy. */
export interface PolicySpec {
  readonly failurePolicy?: 'Fail' | 'Ignore';
  readonly paramKind?: Readonly<{ apiVersion?: string; kind?: string }>;
  readonly matchConstraints?: MatchResources;
  readonly matchConditions?: readonly MatchCondition[];
  readonly variables?: readonly Readonly<{ name?: string; expression?: string }>[];
  readonly validations?: readonly Validation[];
  readonly auditAnnotations?: readonly Readonly<{ key?: string; valueExpression?: string }>[];
}

export interface ParamRef {
  readonly name?: string;
  readonly namespace?: string;
  readonly selector?: LabelSelector;
  readonly parameterNotFoundAction?: string;
}

/** The spec of a ValidatingAdmissionPolicyBinding. */
export interface BindingSpec {
  readonly policyName?: string;
  readonly paramRef?: ParamRef;
  readonly matchResources?: MatchResources;
  readonly validationActions?: readonly string[];
}

/** Everything that expressions about a write see. States are null when absent. */
export interface AdmissionInput {
  readonly object: JsonObject | null;
  readonly oldObject: JsonObject | null;
  /** The request of an AdmissionReview. */
  readonly request: JsonObject;
  readonly user: UserInfo;
  readonly decider: Decider;
  /** Null for cluster-wide objects, and for webhooks. */
  readonly namespaceObject: JsonObject | null;
  /** Null when a binding has none. */
  readonly params: JsonObject | null;
}

export type ConditionsVerdict =
  | Readonly<{ kind: 'met' }>
  | Readonly<{ kind: 'unmet' }>
  | Readonly<{ kind: 'failed'; why: string }>;

/** Match conditions that are ready to be evaluated. */
export interface CompiledConditions {
  judge(input: AdmissionInput): ConditionsVerdict;
}

/** A validation that does not hold (`denied`), or cannot be evaluated (`failed`). */
export interface Objection {
  readonly kind: 'denied' | 'failed';
  readonly message: string;
  readonly reason: string;
}

export interface PolicyVerdict {
  readonly objections: readonly Objection[];
  /** Audit annotations that cannot be evaluated, in words. */
  readonly annotationFailures: readonly string[];
}

/** A policy that is ready to be evaluated. */
export interface CompiledPolicy {
  evaluate(input: AdmissionInput): PolicyVerdict;
}

/** Compiles a policy. `errors` are those of its expressions. */
export type CompilePolicy = (
  name: string,
  spec: PolicySpec,
) => Readonly<{ policy: CompiledPolicy; errors: readonly FieldError[] }>;

/** An expression of a policy that does not fit a kind which the policy is about. */
export interface ExpressionWarning {
  /** For example `spec.validations[0].expression`. */
  readonly fieldRef: string;
  readonly warning: string;
}

/** Checks a policy against the fields of kinds. */
export type CheckTypes = (
  spec: PolicySpec,
  types: Readonly<{ kinds: readonly Kind[]; paramKind: Kind | undefined }>,
) => readonly ExpressionWarning[];

/** Compiles match conditions of a webhook. @param path of the list, for errors */
export type CompileConditions = (
  conditions: readonly MatchCondition[],
  path: string,
) => Readonly<{ conditions: CompiledConditions; errors: readonly FieldError[] }>;
