import type { ApiObject } from '../../model/object.js';
import type { BindingSpec, PolicySpec } from '../../model/policy.js';
import type { Webhook } from '../../model/webhook.js';

/** The spec of a ValidatingAdmissionPolicy. */
export function policySpecOf({ spec = {} }: ApiObject): PolicySpec {
  return spec;
}

/** The spec of a ValidatingAdmissionPolicyBinding. */
export function bindingSpecOf({ spec = {} }: ApiObject): BindingSpec {
  return spec;
}

/** The entries of a webhook configuration. */
export function webhooksOf({ webhooks }: ApiObject): readonly Webhook[] {
  return Array.isArray(webhooks) ? (webhooks as readonly Webhook[]) : [];
}
