import { dns1035LabelProblems, dnsSubdomainErrors } from '@nodeagent/pod-rules';

import { field, type FieldError } from '../../model/errors.js';
import { type JsonSchema, valueSchema } from '../../model/json-schema.js';
import type { ApiObject } from '../../model/object.js';
import type { Strategy } from '../strategy.js';
import { versionErrors } from './check-version.js';
import {
  type Definition,
  definitionOf,
  type Names,
  schemasOf,
  type Version,
} from './definition.js';
import { isKnownFormat } from './formats.js';

const SCOPES = ['Cluster', 'Namespaced'];
const STRATEGIES = ['None', 'Webhook'];

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
  validate: (object, old) => {
    const { spec } = object as { spec?: unknown };
    if (spec === undefined) return [field.required('spec')];
    const found = definitionOf(object);
    // a definition that is there already keeps what approval it has
    return [...specErrors(found), ...(old === undefined ? approvalErrors(found) : [])];
  },
  warnings: (object) => {
    const formats = schemasOf(definitionOf(object)).flatMap(({ schema }) => unknownFormats(schema));
    return [...new Set(formats)].map((format) => `unrecognized format ${JSON.stringify(format)}`);
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
  else {
    const found = dnsSubdomainErrors('spec.group', group);
    errors.push(...found);
    if (found.length === 0 && !group.includes('.')) {
      errors.push(field.invalid('spec.group', group, 'should be a domain with at least one dot'));
    }
  }
  if (scope === '') errors.push(field.required('spec.scope'));
  else if (!SCOPES.includes(scope)) errors.push(field.notSupported('spec.scope', scope, SCOPES));
  if ((spec as Partial<Definition['spec']>).preserveUnknownFields === true) {
    const why =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    errors.push(field.invalid('spec.preserveUnknownFields', true, why));
  }
  return [
    ...errors,
    ...versionsErrors(versions),
    ...namesErrors(names),
    ...conversionErrors(conversion),
  ];
}

function versionsErrors(versions: readonly Version[]): readonly FieldError[] {
  const shown = versions.map(({ name }) => name);
  const errors = versions.flatMap((_, index) => versionErrors(versions, index));
  if (new Set(shown).size < shown.length) {
    errors.push(field.invalid('spec.versions', shown, 'must contain unique version names'));
  }
  const stored = versions.filter(({ storage }) => storage).map(({ name }) => name);
  const [first, ...more] = stored;
  if (first === undefined || more.length > 0) {
    const why = 'must have exactly one version marked as storage version';
    errors.push(field.invalid('spec.versions', shown, why));
  }
  if (first === undefined) {
    const why = 'must have at least one stored version';
    errors.push(field.invalid('status.storedVersions', null, why));
  }
  return [
    ...errors,
    ...more.map((name) =>
      field.invalid('status.storedVersions', [first], `must have the storage version ${name}`),
    ),
  ];
}

const CASES = 'may have mixed case, but should otherwise match: ';

function namesErrors(names: Names): readonly FieldError[] {
  const { plural, singular = '', kind, listKind = '', shortNames = [], categories = [] } = names;
  const path = 'spec.names';
  const label = (at: string, text: string, shown = text, before = '') => {
    const problems = dns1035LabelProblems(text);
    if (text === '' || problems.length === 0) return [];
    return [field.invalid(at, shown, `${before}${problems.join(',')}`)];
  };
  return [
    ...Object.entries({ plural, singular, kind, listKind }).flatMap(([name, text]) =>
      text === '' ? [field.required(`${path}.${name}`)] : [],
    ),
    ...label(`${path}.plural`, plural),
    ...label(`${path}.singular`, singular),
    ...label(`${path}.kind`, kind.toLowerCase(), kind, CASES),
    ...label(`${path}.listKind`, listKind.toLowerCase(), listKind, CASES),
    ...shortNames.flatMap((text, i) => label(`${path}.shortNames[${i}]`, text)),
    ...(kind !== '' && kind === listKind
      ? [field.invalid(`${path}.listKind`, listKind, 'kind and listKind may not be the same')]
      : []),
    ...categories.flatMap((text, i) => label(`${path}.categories[${i}]`, text)),
  ];
}

function conversionErrors(conversion: Definition['spec']['conversion']): readonly FieldError[] {
  const { strategy = 'None', webhook } = conversion ?? {};
  const path = 'spec.conversion';
  const errors: FieldError[] = [];
  if (!STRATEGIES.includes(strategy)) {
    errors.push(field.notSupported(`${path}.strategy`, strategy, STRATEGIES));
  }
  if (strategy === 'Webhook') {
    const why = 'this server converts by None only: it calls no conversion webhook';
    return [field.invalid(`${path}.strategy`, strategy, why)];
  }
  const why = 'should not be set when strategy is not set to Webhook';
  if (webhook?.clientConfig !== undefined) {
    errors.push(field.forbidden(`${path}.webhookClientConfig`, why));
  }
  if ((webhook?.conversionReviewVersions ?? []).length > 0) {
    errors.push(field.forbidden(`${path}.conversionReviewVersions`, why));
  }
  return errors;
}

const APPROVED = 'api-approved.kubernetes.io';

/**
 * Groups of the Kubernetes project need a link to the approval of their API.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apihelpers/helpers.go
 */
function approvalErrors({ metadata, spec }: Definition): readonly FieldError[] {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec.group)) return [];
  const path = `metadata.annotations[${APPROVED}]`;
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111';
  const why = `protected groups must have approval annotation "${APPROVED}"`;
  const found = metadata.annotations?.[APPROVED] ?? '';
  if (found === '') return [field.required(path, `${why}, ${see}`)];
  if (found.startsWith('unapproved') || URL.canParse(found)) return [];
  const forms = 'with either a URL or a reason starting with "unapproved"';
  return [field.invalid(path, found, `${why} ${forms}, ${see}`)];
}

/** The formats in a schema that no server checks. */
function unknownFormats(schema: JsonSchema): readonly string[] {
  const { format, type, items, properties = {} } = schema;
  const values = valueSchema(schema);
  return [
    ...(format === undefined || isKnownFormat(format, type) ? [] : [format]),
    ...Object.values(properties).flatMap(unknownFormats),
    ...(items === undefined ? [] : unknownFormats(items)),
    ...(values === undefined ? [] : unknownFormats(values)),
  ];
}
