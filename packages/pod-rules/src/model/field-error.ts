/** One problem with one field, as `metav1.StatusCause` reports it. */
export interface FieldError {
  readonly reason: FieldErrorReason;
  /** `spec.containers[0].image`. */
  readonly field: string;
  readonly message: string;
}

/** Reasons of causes in a Status, as Kubernetes' API spells them. */
export type FieldErrorReason =
  | 'FieldValueRequired'
  | 'FieldValueInvalid'
  | 'FieldValueTypeInvalid'
  | 'FieldValueDuplicate'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueNotFound'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany';

const ESCAPED: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
};

/** Formats a value as the API does in messages: text in double quotes, other values as Go's JSON. */
function shown(value: unknown): string {
  const json = JSON.stringify(value) as string | undefined; // undefined has no JSON
  if (json === undefined) return 'null';
  return typeof value === 'string' ? json : json.replace(/[<>&]/g, (sign) => ESCAPED[sign] ?? sign);
}

/** The constructors of `field.Error`. @see Kubernetes apimachinery pkg/util/validation/field */
export const field = {
  required: (path: string, detail = ''): FieldError => ({
    reason: 'FieldValueRequired',
    field: path,
    message: `Required value${detail === '' ? '' : `: ${detail}`}`,
  }),
  invalid: (path: string, value: unknown, detail: string): FieldError => ({
    reason: 'FieldValueInvalid',
    field: path,
    message: `Invalid value: ${shown(value)}: ${detail}`,
  }),
  /** For a value of another type or format: rules about the object are then not evaluated. */
  typeInvalid: (path: string, value: unknown, detail: string): FieldError => ({
    reason: 'FieldValueTypeInvalid',
    field: path,
    message: `Invalid value: ${shown(value)}: ${detail}`,
  }),
  duplicate: (path: string, value: unknown): FieldError => ({
    reason: 'FieldValueDuplicate',
    field: path,
    message: `Duplicate value: ${shown(value)}`,
  }),
  notSupported: (path: string, value: unknown, supported: readonly string[]): FieldError => ({
    reason: 'FieldValueNotSupported',
    field: path,
    message: `Unsupported value: ${shown(value)}: supported values: ${supported.map((text) => `"${text}"`).join(', ')}`,
  }),
  forbidden: (path: string, detail: string): FieldError => ({
    reason: 'FieldValueForbidden',
    field: path,
    message: `Forbidden: ${detail}`,
  }),
  notFound: (path: string, value: unknown): FieldError => ({
    reason: 'FieldValueNotFound',
    field: path,
    message: `Not found: ${shown(value)}`,
  }),
  tooMany: (path: string, count: number, limit: number): FieldError => ({
    reason: 'FieldValueTooMany',
    field: path,
    message: `Too many: ${count}: must have at most ${limit} ${limit === 1 ? 'item' : 'items'}`,
  }),
  tooLong: (path: string, limit: number): FieldError => ({
    reason: 'FieldValueTooLong',
    field: path,
    message: `Too long: may not be more than ${limit} ${limit === 1 ? 'byte' : 'bytes'}`,
  }),
};
