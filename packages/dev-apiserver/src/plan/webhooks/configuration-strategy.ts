import { field, type FieldError } from '../../model/errors.js';
import {
  type ApiObject,
  isObject,
  type JsonObject,
  listAt,
  textAt,
  valueAt,
} from '../../model/object.js';
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
  validate: (object) => webhooksOf(object).flatMap((webhook, i) => errorsOf(webhook, i)),
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
  const versions = webhook['admissionReviewVersions'];
  if (!Array.isArray(versions) || versions.length === 0) {
    const why = 'must specify one of v1, v1beta1';
    errors.push(field.required(`${path}.admissionReviewVersions`, why));
  } else if (!versions.includes('v1')) {
    const why = 'must include at least one of v1';
    errors.push(field.invalid(`${path}.admissionReviewVersions`, versions, why));
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

function clientErrors(config: unknown, path: string): readonly FieldError[] {
  const url = textAt(config, 'url');
  const service = valueAt(config, 'service');
  if ((url === '') === (service === undefined)) {
    return [field.required(path, 'exactly one of url or service is required')];
  }
  if (service !== undefined) return serviceErrors(service, `${path}.service`);
  if (url.startsWith('https://') && URL.canParse(url)) return [];
  const why = "'https' is the only allowed URL scheme";
  return [field.invalid(`${path}.url`, url, why)];
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
