import { dnsSubdomainErrors } from '@nodeagent/pod-rules';

import { field, type FieldError } from '../../model/errors.js';
import type { ApiObject } from '../../model/object.js';
import type { Strategy } from '../strategy.js';
import { schemaErrors } from './check-schema.js';
import { type Definition, definitionOf, type Version } from './definition.js';
import { parseJsonPath } from './json-path.js';

const SCOPES = ['Cluster', 'Namespaced'];
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];

/**
 * The rules of `customresourcedefinitions`.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go,
 * pkg/registry/customresourcedefinition/strategy.go
 */
export const definition: Strategy = {
  create: (draft) => {
    draft.status = {
      conditions: [],
      acceptedNames: { plural: '', kind: '' },
      storedVersions: storageVersions(draft),
    };
  },
  defaults: (draft) => {
    const { spec } = draft;
    if (spec === undefined) return;
    const names = spec['names'] as Record<string, string> | undefined;
    if (names?.['kind'] !== undefined) {
      names['singular'] ??= names['kind'].toLowerCase();
      names['listKind'] ??= `${names['kind']}List`;
    }
    spec['conversion'] ??= { strategy: 'None' };
  },
  update: (draft, old) => {
    const stored = definitionOf(old).status?.storedVersions ?? [];
    const storedVersions = [...new Set([...stored, ...storageVersions(draft)])];
    draft.status = { ...draft.status, storedVersions };
  },
  validate: (object) => {
    const { spec } = object as { spec?: unknown };
    return spec === undefined ? [field.required('spec')] : specErrors(definitionOf(object));
  },
  validateUpdate: (object, old) => {
    const now = definitionOf(object).spec;
    const before = definitionOf(old).spec;
    const errors = [
      immutable('spec.group', now.group, before.group),
      immutable('spec.scope', now.scope, before.scope),
      immutable('spec.names.plural', now.names.plural, before.names.plural),
      immutable('spec.names.kind', now.names.kind, before.names.kind),
    ].flat();
    const names = now.versions.map(({ name }) => name);
    const stored = definitionOf(object).status?.storedVersions ?? [];
    const lost = stored.flatMap((name, index) =>
      names.includes(name)
        ? []
        : [
            field.invalid(
              `status.storedVersions[${index}]`,
              name,
              `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
            ),
          ],
    );
    return [...errors, ...lost];
  },
};

const NO_NAMES = { plural: '', kind: '' };

function storageVersions(object: ApiObject): readonly string[] {
  const spec: Partial<Definition['spec']> = object.spec ?? {};
  return (spec.versions ?? []).filter(({ storage }) => storage).map(({ name }) => name);
}

function immutable(path: string, now: string, before: string): readonly FieldError[] {
  return now === before ? [] : [field.invalid(path, now, 'field is immutable')];
}

function specErrors({ metadata, spec }: Definition): readonly FieldError[] {
  const { group = '', versions = [], conversion } = spec as Partial<Definition['spec']>;
  const scope = (spec as Partial<Definition['spec']>).scope ?? '';
  const names = { ...NO_NAMES, ...(spec as Partial<Definition['spec']>).names };
  const errors: FieldError[] = [];
  if (metadata.name !== `${names.plural}.${group}`) {
    const why = 'must be spec.names.plural+"."+spec.group';
    errors.push(field.invalid('metadata.name', metadata.name, why));
  }
  if (group === '') errors.push(field.required('spec.group'));
  else if (!group.includes('.')) {
    errors.push(field.invalid('spec.group', group, 'should be a domain with at least one dot'));
  } else errors.push(...dnsSubdomainErrors('spec.group', group));
  if (scope === '') errors.push(field.required('spec.scope'));
  else if (!SCOPES.includes(scope)) errors.push(field.notSupported('spec.scope', scope, SCOPES));
  for (const name of ['plural', 'kind'] as const) {
    if (names[name] === '') errors.push(field.required(`spec.names.${name}`));
  }
  if (names.kind !== '' && names.kind === names.listKind) {
    const why = 'kind and listKind may not be the same';
    errors.push(field.invalid('spec.names.listKind', names.listKind, why));
  }
  const strategy = conversion?.strategy ?? 'None';
  if (strategy !== 'None') {
    const why = 'this server converts by None only: it calls no conversion webhook';
    errors.push(field.invalid('spec.conversion.strategy', strategy, why));
  }
  if ((spec as Partial<Definition['spec']>).preserveUnknownFields === true) {
    const why =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    errors.push(field.invalid('spec.preserveUnknownFields', true, why));
  }
  return [...errors, ...versionsErrors(versions)];
}

function versionsErrors(versions: readonly Version[]): readonly FieldError[] {
  const shown = versions.map(({ name }) => name);
  const errors: FieldError[] = [];
  if (new Set(shown).size < shown.length) {
    errors.push(field.invalid('spec.versions', shown, 'must contain unique version names'));
  }
  if (versions.filter(({ storage }) => storage).length !== 1) {
    const why = 'must have exactly one version marked as storage version';
    errors.push(field.invalid('spec.versions', shown, why));
  }
  return [...errors, ...versions.flatMap((version, i) => versionErrors(version, i))];
}

function versionErrors(version: Version, index: number): readonly FieldError[] {
  const path = `spec.versions[${index}]`;
  const schema = version.schema?.openAPIV3Schema;
  const schemaPath = `${path}.schema.openAPIV3Schema`;
  const columns = (version.additionalPrinterColumns ?? []).flatMap((column, i) => {
    const at = `${path}.additionalPrinterColumns[${i}]`;
    const types = `must be one of ${COLUMN_TYPES.join(',')}`;
    return [
      ...(COLUMN_TYPES.includes(column.type)
        ? []
        : [field.invalid(`${at}.type`, column.type, types)]),
      ...(parseJsonPath(column.jsonPath) === undefined
        ? [field.invalid(`${at}.jsonPath`, column.jsonPath, 'is an invalid path')]
        : []),
    ];
  });
  if (schema === undefined) return [field.required(schemaPath, 'schemas are required'), ...columns];
  return [...schemaErrors(schema, schemaPath), ...columns];
}
