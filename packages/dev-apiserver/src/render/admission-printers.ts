import { type ApiObject, isObject, listAt, textAt, valueAt } from '../model/object.js';
import { AGE, type Column, NAME, text } from './columns.js';
import { labelsText } from './human.js';

function length(name: string, path: string): Column {
  return { name, type: 'integer', cell: (object) => listAt(object, path).length };
}

function paramKind(policy: ApiObject): string {
  const kind = textAt(policy, 'spec.paramKind.kind');
  return kind === '' ? '<unset>' : `${textAt(policy, 'spec.paramKind.apiVersion')}/${kind}`;
}

/** A parameter without a namespace may be in any. */
function paramRef(binding: ApiObject): string {
  const name = textAt(binding, 'spec.paramRef.name');
  if (name !== '') return `${textAt(binding, 'spec.paramRef.namespace') || '*'}/${name}`;
  const labels = valueAt(binding, 'spec.paramRef.selector.matchLabels');
  return isObject(labels) ? labelsText(labels) : '<unset>';
}

const WEBHOOKS: readonly Column[] = [NAME, length('Webhooks', 'webhooks'), AGE];

export const ADMISSION_PRINTERS: Readonly<Record<string, readonly Column[]>> = {
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': WEBHOOKS,
  'validatingwebhookconfigurations.admissionregistration.k8s.io': WEBHOOKS,
  'validatingadmissionpolicies.admissionregistration.k8s.io': [
    NAME,
    length('Validations', 'spec.validations'),
    { name: 'ParamKind', cell: paramKind },
    AGE,
  ],
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': [
    NAME,
    text('PolicyName', 'spec.policyName'),
    { name: 'ParamRef', cell: paramRef },
    AGE,
  ],
};
