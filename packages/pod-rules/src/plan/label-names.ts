import { field, type FieldError } from '../model/field-error.js';
import { dnsSubdomainErrors } from './dns-names.js';

type Errors = readonly FieldError[];
type Texts = Readonly<Record<string, unknown>>;

const NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const NAME_LIMIT = 63;
const NAME_DETAIL =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_DETAIL =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/**
 * Checks `name` or `example.com/name`: keys of labels and annotations, condition types, resources.
 *
 * @see Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go,
 *   IsQualifiedName
 */
export function qualifiedNameErrors(path: string, name: string): Errors {
  const parts = name.split('/');
  const last = parts.at(-1) ?? '';
  const good =
    parts.length <= 2 &&
    last.length <= NAME_LIMIT &&
    NAME.test(last) &&
    (parts.length === 1 || dnsSubdomainErrors(path, parts[0] ?? '').length === 0);
  return good ? [] : [field.invalid(path, name, NAME_DETAIL)];
}

export function labelValueErrors(path: string, value: unknown): Errors {
  if (typeof value !== 'string') return [field.invalid(path, value, 'must be a string')];
  if (value === '' || (value.length <= NAME_LIMIT && NAME.test(value))) return [];
  return [field.invalid(path, value, VALUE_DETAIL)];
}

/** Labels of an object or of a selector: keys and values. */
export function labelErrors(path: string, labels: Texts = {}): Errors {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameErrors(path, key),
    ...labelValueErrors(path, value),
  ]);
}

/** Checks a key of an annotation: like a label's key, but upper case is allowed too. */
export function annotationErrors(path: string, annotations: Texts = {}): Errors {
  return Object.keys(annotations).flatMap((key) => qualifiedNameErrors(path, key.toLowerCase()));
}
