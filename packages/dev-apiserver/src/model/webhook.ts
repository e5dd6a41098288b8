import type { Kind } from './kind.js';
import type { JsonObject } from './object.js';
import type { UserInfo } from './request.js';

/** An entry of a webhook configuration, with its defaults. */
export interface Webhook {
  readonly name: string;
  readonly clientConfig: Readonly<{ url?: string; service?: ServiceReference; caBundle?: string }>;
  readonly rules?: readonly WebhookRule[];
  readonly failurePolicy: 'Fail' | 'Ignore';
  readonly matchPolicy: 'Exact' | 'Equivalent';
  readonly namespaceSelector?: LabelSelector;
  readonly objectSelector?: LabelSelector;
  readonly matchConditions?: readonly MatchCondition[];
  readonly timeoutSeconds: number;
  readonly sideEffects: string;
  readonly admissionReviewVersions: readonly string[];
  /** Only mutating webhooks have it. */
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded';
}

/** A condition in CEL, without which a webhook or a policy is passed over. */
export interface MatchCondition {
  readonly name?: string;
  readonly expression?: string;
}

/** A Service that answers for a webhook. */
export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  /** 443 when absent. */
  readonly port?: number;
  /** `/` when absent. */
  readonly path?: string;
}

export interface WebhookRule {
  readonly operations: readonly string[];
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
  readonly scope?: '*' | 'Cluster' | 'Namespaced';
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly Readonly<{
    key: string;
    operator: string;
    values?: readonly string[];
  }>[];
}

/** A write that webhooks may see. */
export interface AdmissionAttributes {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** The kind of what is sent to the subresource, where it is not the kind of the resource. */
  readonly sent?: Readonly<{ group: string; version: string; kind: string }> | undefined;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** The options of the request: `fieldManager`, `propagationPolicy` … */
  readonly options: JsonObject;
}
