import { field, type FieldError } from '../model/field-error.js';
import { dnsSubdomainProblems } from './dns-names.js';

type Errors = readonly FieldError[];
type Texts = Readonly<Record<string, unknown>>;

const NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const NAME_LIMIT = 63;
const LENGTH_DETAIL = 'must be no more than 63 bytes';
const KEY_DETAIL =
  "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
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
  const [last = '', prefix, ...more] = name.split('/').reverse();
  const invalid = (why: string): FieldError => field.invalid(path, name, why);
  if (more.length > 0) return [invalid(KEY_DETAIL)];
  const errors: FieldError[] = [];
  if (prefix === '') errors.push(invalid('prefix part must be non-empty'));
  else if (prefix !== undefined) {
    errors.push(...dnsSubdomainProblems(prefix).map((why) => invalid(`prefix part ${why}`)));
  }
  if (last === '') errors.push(invalid('name part must be non-empty'));
  else if (last.length > NAME_LIMIT) errors.push(invalid(`name part ${LENGTH_DETAIL}`));
  if (!NAME.test(last)) errors.push(invalid(NAME_DETAIL));
  return errors;
}

export function labelValueErrors(path: string, value: unknown): Errors {
  if (typeof value !== 'string') return [field.invalid(path, value, 'must be a string')];
  const errors: FieldError[] = [];
  if (value.length > NAME_LIMIT) errors.push(field.invalid(path, value, LENGTH_DETAIL));
  if (value !== '' && !NAME.test(value)) errors.push(field.invalid(path, value, VALUE_DETAIL));
  return errors;
}

/** Labels of an object or of a selector: keys and values. */
export function labelErrors(path: string, labels: Texts = {}): Errors {
  return Object.entries(labels).flatMap(([key, value]) => [
    ...qualifiedNameErrors(path, key),
    ...labelValueErrors(path, value),
  ]);
}

/** Bytes of all keys and values of an object's annotations. */
const ANNOTATIONS_LIMIT = 256 * 1024;

/** Checks annotations: keys are like labels' keys, with upper case too; their whole size is limited. */
export function annotationErrors(path: string, annotations: Texts = {}): Errors {
  const all = Object.entries(annotations);
  const bytes = all.reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0);
  return [
    ...all.flatMap(([key]) => qualifiedNameErrors(path, key.toLowerCase())),
    ...(bytes > ANNOTATIONS_LIMIT ? [field.tooLong(path, ANNOTATIONS_LIMIT)] : []),
  ];
}
