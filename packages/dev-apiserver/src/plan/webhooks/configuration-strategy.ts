import { dns1035LabelErrors } from '@nodeagent/pod-rules';

import { field, type FieldError } from '../../model/errors.js';
import {
  type ApiObject,
  isObject,
  type JsonObject,
  listAt,
  textAt,
  valueAt,
} from '../../model/object.js';
import {
  FAILURE_POLICIES,
  MATCH_POLICIES,
  ruleErrors,
  selectorErrors,
} from '../policies/match-errors.js';
import type { Strategy } from '../strategy.js';

/**
 * The rules of webhook configurations, except those about match conditions.
 *
 * @see Kubernetes 1.36 pkg/apis/admissionregistration/v1/defaults.go, validation/validation.go
 */
export const webhookConfiguration: Strategy = {
  defaults: (draft) => {
    for (const webhook of webhooksOf(draft)) setDefaults(webhook, draft.kind);
  },
  validate: (object) => {
    const names = webhooksOf(object).map((webhook) => textAt(webhook, 'name'));
    return webhooksOf(object).flatMap((webhook, i) => {
      const name = names[i] ?? '';
      const isRepeated = name !== '' && names.indexOf(name) < i;
      return [
        ...errorsOf(webhook, i),
        ...(isRepeated ? [field.duplicate(`webhooks[${i}].name`, name)] : []),
      ];
    });
  },
};

function webhooksOf(object: ApiObject): readonly JsonObject[] {
  return listAt(object, 'webhooks');
}

function setDefaults(webhook: JsonObject, kind: string): void {
  webhook['failurePolicy'] ??= 'Fail';
  webhook['matchPolicy'] ??= 'Equivalent';
  webhook['namespaceSelector'] ??= {};
  webhook['objectSelector'] ??= {};
  webhook['timeoutSeconds'] ??= 10;
  if (kind === 'MutatingWebhookConfiguration') webhook['reinvocationPolicy'] ??= 'Never';
  for (const rule of listAt(webhook, 'rules')) rule['scope'] ??= '*';
  const service = valueAt(webhook, 'clientConfig.service');
  if (isObject(service)) service['port'] ??= 443;
}

function errorsOf(webhook: JsonObject, index: number): readonly FieldError[] {
  const path = `webhooks[${index}]`;
  const errors: FieldError[] = [];
  const name = textAt(webhook, 'name');
  if (name === '') errors.push(field.required(`${path}.name`));
  else if (name.split('.').length < 3) {
    const why = 'should be a domain with at least three segments separated by dots';
    errors.push(field.invalid(`${path}.name`, name, why));
  }
  const given: unknown = webhook['admissionReviewVersions'];
  const versions = Array.isArray(given) ? given.map(String) : [];
  errors.push(...versionErrors(versions, `${path}.admissionReviewVersions`));
  listAt(webhook, 'rules').forEach((rule, i) => {
    errors.push(...ruleErrors(rule, `${path}.rules[${i}]`));
  });
  for (const [name, known] of CHOICES) {
    const value = webhook[name];
    if (value === undefined || known.some((one) => one === value)) continue;
    errors.push(field.notSupported(`${path}.${name}`, value, known));
  }
  for (const name of ['namespaceSelector', 'objectSelector'] as const) {
    errors.push(...selectorErrors(webhook[name], `${path}.${name}`));
  }
  const effects = textAt(webhook, 'sideEffects');
  const allowed = ['None', 'NoneOnDryRun'];
  if (effects === '') {
    const why = `must specify one of ${allowed.join(', ')}`;
    errors.push(field.required(`${path}.sideEffects`, why));
  } else if (!allowed.includes(effects)) {
    errors.push(field.notSupported(`${path}.sideEffects`, effects, allowed));
  }
  const seconds = Number(webhook['timeoutSeconds']);
  if (seconds < 1 || seconds > 30) {
    const why = 'the timeout value must be between 1 and 30 seconds';
    errors.push(field.invalid(`${path}.timeoutSeconds`, seconds, why));
  }
  return [...errors, ...clientErrors(webhook['clientConfig'], `${path}.clientConfig`)];
}

const CHOICES: readonly (readonly [string, readonly string[]])[] = [
  ['failurePolicy', FAILURE_POLICIES],
  ['matchPolicy', MATCH_POLICIES],
  ['reinvocationPolicy', ['IfNeeded', 'Never']],
];

const REVIEW_VERSIONS = ['v1', 'v1beta1'];

function versionErrors(versions: readonly string[], path: string): readonly FieldError[] {
  const known = REVIEW_VERSIONS.join(', ');
  if (versions.length === 0) return [field.required(path, `must specify one of ${known}`)];
  const errors = versions.flatMap((version, index) => [
    ...dns1035LabelErrors(`${path}[${index}]`, version),
    ...(versions.indexOf(version) < index
      ? [field.invalid(`${path}[${index}]`, version, 'duplicate version')]
      : []),
  ]);
  if (errors.length > 0 || versions.some((version) => REVIEW_VERSIONS.includes(version))) {
    return errors;
  }
  return [field.invalid(path, versions, `must include at least one of ${known}`)];
}

function clientErrors(config: unknown, path: string): readonly FieldError[] {
  const url = textAt(config, 'url');
  const service = valueAt(config, 'service');
  if ((url === '') === (service === undefined)) {
    return [field.required(path, 'exactly one of url or service is required')];
  }
  if (service !== undefined) return serviceErrors(service, `${path}.service`);
  return urlErrors(url, `${path}.url`);
}

/** @see Kubernetes 1.36 apiserver pkg/util/webhook/validation.go */
function urlErrors(url: string, path: string): readonly FieldError[] {
  const form = '; desired format: https://host[/path]';
  if (!URL.canParse(url)) return [field.required(path, `url must be a valid URL: ${url}${form}`)];
  const { protocol, username, password, hash, search } = new URL(url);
  const scheme = protocol.slice(0, -1);
  const user = password === '' ? username : `${username}:${password}`;
  return [
    ...(scheme === 'https'
      ? []
      : [field.invalid(path, scheme, `'https' is the only allowed URL scheme${form}`)]),
    ...(user === ''
      ? []
      : [field.invalid(path, user, 'user information is not permitted in the URL')]),
    ...(hash === ''
      ? []
      : [field.invalid(path, hash.slice(1), 'fragments are not permitted in the URL')]),
    ...(search === ''
      ? []
      : [field.invalid(path, search.slice(1), 'query parameters are not permitted in the URL')]),
  ];
}

/** @see Kubernetes 1.36 apiserver pkg/util/webhook/validation.go */
function serviceErrors(service: unknown, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['name', 'namespace'] as const) {
    if (textAt(service, name) === '') {
      errors.push(field.required(`${path}.${name}`, `service ${name} is required`));
    }
  }
  const port = Number(valueAt(service, 'port'));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    const why = 'port is not valid: must be between 1 and 65535, inclusive';
    errors.push(field.invalid(`${path}.port`, port, why));
  }
  const where = textAt(service, 'path');
  if (where !== '' && !where.startsWith('/')) {
    errors.push(field.invalid(`${path}.path`, where, "must start with a '/'"));
  }
  return errors;
}
