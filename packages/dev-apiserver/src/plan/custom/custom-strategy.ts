import type { CustomKind } from '../../model/custom-kind.js';
import { field, type FieldError } from '../../model/errors.js';
import type { Kind } from '../../model/kind.js';
import { type ApiObject, omit } from '../../model/object.js';
import type { Strategy } from '../strategy.js';
import { isQualifiedFinalizer } from '../validate-meta.js';
import { setDefaults } from './prune.js';
import { validateObject } from './validate-value.js';

/** The rules of a kind that a CustomResourceDefinition describes. */
export function customStrategy({ status }: Kind, { schema, rules }: CustomKind): Strategy {
  const own = (object: ApiObject) => omit(object, 'apiVersion', 'kind', 'metadata');
  return {
    create: (draft) => {
      if (status) delete draft.status;
    },
    defaults: (draft) => {
      const { metadata } = draft;
      setDefaults(schema, draft);
      draft.metadata = metadata;
    },
    validate: (object, old) => {
      const before = old === undefined ? undefined : own(old);
      const errors = validateObject(withoutMeta(schema), own(object), before);
      if (rules === undefined) return errors;
      if (errors.some(({ reason }) => BLOCKING.has(reason))) return [...errors, NOT_CHECKED];
      return [...errors, ...rules.evaluate(object, old).errors];
    },
    // a rule that failed before, about a part that is as before, refuses no update
    warnings: (object, old) => [
      ...finalizerWarnings(object, old),
      ...(rules?.evaluate(object, old).unchanged ?? []).map(textOf),
    ],
  };
}

/**
 * An object with such errors is not what the rules expect.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/registry/customresource/strategy.go
 */
const BLOCKING: ReadonlySet<FieldError['reason']> = new Set([
  'FieldValueNotSupported',
  'FieldValueRequired',
  'FieldValueTooLong',
  'FieldValueTooMany',
  'FieldValueTypeInvalid',
]);
const NOT_CHECKED = field.invalid(
  '<nil>',
  null,
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
);

function finalizerWarnings(object: ApiObject, old?: ApiObject): readonly string[] {
  const before = new Set(old?.metadata.finalizers);
  return (object.metadata.finalizers ?? [])
    .filter((name) => !before.has(name) && !isQualifiedFinalizer(name))
    .map(
      (name) =>
        `metadata.finalizers: "${name}": prefer a domain-qualified finalizer name including a path (/) to avoid accidental conflicts with other finalizer writers`,
    );
}

function textOf({ field: path, message }: FieldError): string {
  return `${path}: ${message}`;
}

/** The schema without what every object has, which is checked for all kinds alike. */
function withoutMeta(schema: CustomKind['schema']): CustomKind['schema'] {
  const properties = omit(schema.properties ?? {}, 'apiVersion', 'kind', 'metadata');
  const required = (schema.required ?? []).filter((name) => !META.has(name));
  return { ...schema, properties, required };
}

const META = new Set(['apiVersion', 'kind', 'metadata']);
