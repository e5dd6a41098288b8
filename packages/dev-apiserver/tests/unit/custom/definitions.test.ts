import { describe, expect, it } from 'vitest';

import type { JsonSchema } from '../../../src/model/json-schema.js';
import { definition } from '../../../src/plan/custom/definition-strategy.js';

const TEXT: JsonSchema = { type: 'string' };
const ITEM: JsonSchema = { type: 'object', required: ['k'], properties: { k: TEXT } };
const LIST = 'x-kubernetes-list-type';
const KEYS = 'x-kubernetes-list-map-keys';
const AT = 'spec.validation.openAPIV3Schema';
const F = `${AT}.properties[f]`;
const LABEL = 'a DNS-1035 label must consist of';

function aVersion(more: object = {}, f: JsonSchema = TEXT): object {
  const properties = { f, spec: { type: 'object', properties: { n: { type: 'integer' } } } };
  const schema = { openAPIV3Schema: { type: 'object', properties } };
  return { name: 'v1', served: true, storage: true, schema, ...more };
}

/** `field: message` of all errors of a definition; the first words of the message are enough. */
function errorsOf(spec: object, metadata: object = {}): readonly string[] {
  const names = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' };
  const full = { group: 'example.com', scope: 'Cluster', names, versions: [aVersion()], ...spec };
  const object = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${full.group}`, ...metadata },
    spec: full,
  };
  const found = definition.validate?.(object) ?? [];
  return found.map(({ field, message }) => `${field}: ${message}`);
}

function starts(found: readonly string[], want: readonly string[]): void {
  expect(found.map((text, index) => text.slice(0, want[index]?.length ?? 80))).toEqual(want);
}

describe('the schema of a field', () => {
  const array = (items: JsonSchema, more: object): JsonSchema => ({
    type: 'array',
    items,
    ...more,
  });
  const unknownType = { type: 'strange' } as JsonSchema;
  it.each<readonly [string, JsonSchema, readonly string[]]>([
    ['of a known type is good', TEXT, []],
    ['of an unknown type', unknownType, [`${F}.type: Unsupported value: "strange"`]],
    [
      'with a reference is looked at no further',
      { $ref: '#/x' } as JsonSchema,
      [`${F}.$ref: Forbidden: $ref is not supported`],
    ],
    [
      'that keeps unknown fields or says nothing about them',
      { type: 'object', 'x-kubernetes-preserve-unknown-fields': false },
      [
        `${F}.x-kubernetes-preserve-unknown-fields: Invalid value: false: must be true or undefined`,
      ],
    ],
    [
      'with an embedded resource without fields',
      { type: 'object', 'x-kubernetes-embedded-resource': true },
      [`${F}.properties: Required value: must not be empty`],
    ],
    [
      'with a pattern that is none',
      { ...TEXT, pattern: '[' },
      [
        `${F}.pattern: Invalid value: "[": must be a valid regular expression, but isn't: error parsing`,
      ],
    ],
    [
      'with a list type and without a list',
      { type: 'object', [LIST]: 'set' },
      [`${F}.type: Invalid value: "object": must be array if x-kubernetes-list-type is specified`],
    ],
    [
      'with a set of objects that are merged',
      array({ type: 'object' }, { [LIST]: 'set' }),
      [`${F}.items.x-kubernetes-map-type: Invalid value: null: must be atomic as item`],
    ],
    [
      'with a set of atoms is good',
      array({ type: 'object', 'x-kubernetes-map-type': 'atomic' }, { [LIST]: 'set' }),
      [],
    ],
    ['with a keyed list is good', array(ITEM, { [LIST]: 'map', [KEYS]: ['k'] }), []],
    [
      'with a keyed list of texts',
      array(TEXT, { [LIST]: 'map', [KEYS]: ['k'] }),
      [`${F}.items.type: Invalid value: "string": must be object if parent array's`],
    ],
    [
      'with a key that items do not have',
      array(ITEM, { [LIST]: 'map', [KEYS]: ['z'] }),
      [`${F}.x-kubernetes-list-map-keys: Invalid value: ["z"]: entries must all be names`],
    ],
    [
      'with a key that items may lack',
      array({ ...ITEM, required: [] }, { [LIST]: 'map', [KEYS]: ['k'] }),
      [`${F}.items.properties[k].default: Required value: this property is in`],
    ],
    [
      'with a key that is an object',
      array({ ...ITEM, properties: { k: { type: 'object' } } }, { [LIST]: 'map', [KEYS]: ['k'] }),
      [`${F}.items.properties[k].type: Invalid value: "object": must be a scalar type`],
    ],
    [
      'with a key twice',
      array(ITEM, { [LIST]: 'map', [KEYS]: ['k', 'k'] }),
      [`${F}.x-kubernetes-list-map-keys: Invalid value: ["k","k"]: must not contain duplicate`],
    ],
    [
      'with keys and another list type',
      array(TEXT, { [LIST]: 'atomic', [KEYS]: ['k'] }),
      [`${F}.x-kubernetes-list-type: Invalid value: "atomic": must be map if`],
    ],
    [
      'with an atomic list as map',
      array(TEXT, { 'x-kubernetes-map-type': 'atomic' }),
      [`${F}.type: Invalid value: "array": must be object if x-kubernetes-map-type`],
    ],
    [
      'with a default of another type',
      { ...TEXT, default: 1 },
      [`${F}.default: Invalid value: "integer":  in body must be of type string: "integer"`],
    ],
    [
      'with a default that is no choice',
      { ...TEXT, enum: ['a'], default: 'b' },
      [`${F}.default: Unsupported value: "b": supported values: "a"`],
    ],
    [
      'with a default that would be pruned',
      { type: 'object', default: { x: 1 }, properties: { a: TEXT } },
      [`${F}.default: Invalid value: {"x":1}: must not have unknown fields`],
    ],
    [
      'with a default whose part is wrong',
      { type: 'object', default: { a: 1 }, properties: { a: TEXT } },
      [`${F}.default.a: Invalid value: "integer": a in body must be of type string`],
    ],
  ])('%s', (_name, schema, want) => {
    starts(errorsOf({ versions: [aVersion({}, schema)] }), want);
  });

  it('of metadata may restrict names only', () => {
    const withMetadata = (properties: object) => {
      const openAPIV3Schema = {
        type: 'object',
        properties: { metadata: { type: 'object', properties } },
      };
      return errorsOf({ versions: [aVersion({ schema: { openAPIV3Schema } })] });
    };
    expect(withMetadata({ name: { type: 'string', pattern: '^a' } })).toEqual([]);
    starts(withMetadata({ labels: { type: 'object' } }), [
      `${AT}.properties[metadata]: Forbidden: must not specify anything other than name`,
    ]);
  });

  it('is named by its version where versions differ', () => {
    const second = aVersion({ name: 'v2', storage: false });
    starts(errorsOf({ versions: [aVersion({}, {}), second] }), [
      'spec.versions[0].schema.openAPIV3Schema.properties[f].type: Required value',
    ]);
    const both = [aVersion({}, {}), aVersion({ name: 'v2', storage: false }, {})];
    starts(errorsOf({ versions: both }), [`${F}.type: Required value`]);
  });
});

describe('a version', () => {
  const column = (more: object) => ({
    additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.f', ...more }],
  });
  const scale = (more: object) => ({
    subresources: {
      scale: { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n', ...more },
    },
  });
  const selectable = (...paths: readonly string[]) => ({
    selectableFields: paths.map((jsonPath) => ({ jsonPath })),
  });
  const COLUMN = 'spec.additionalPrinterColumns[0]';
  const SCALE = 'spec.subresources.scale';
  const FIELD = 'spec.selectableFields[0].jsonPath';
  it.each<readonly [string, object, readonly string[]]>([
    [
      'with columns, scale and selectable fields is good',
      { ...column({}), ...scale({}), ...selectable('.f', '.spec.n') },
      [],
    ],
    [
      'without a schema',
      { schema: undefined },
      ['spec.versions[0].schema.openAPIV3Schema: Required value'],
    ],
    [
      'with upper case in its name',
      { name: 'V1' },
      [
        `spec.versions[0].name: Invalid value: "V1": ${LABEL}`,
        `spec.version: Invalid value: "V1": ${LABEL}`,
      ],
    ],
    [
      'with a warning about a deprecation that is none',
      { deprecationWarning: 'x' },
      ['spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated'],
    ],
    ['with a column without a name', column({ name: '' }), [`${COLUMN}.name: Required value`]],
    [
      'with a column of another type',
      column({ type: 'foo' }),
      [`${COLUMN}.type: Invalid value: "foo": must be one of boolean`],
    ],
    [
      'with a column of another format',
      column({ format: 'foo' }),
      [`${COLUMN}.format: Invalid value: "foo": must be one of byte`],
    ],
    [
      'with a column path without a dot',
      column({ jsonPath: 'f' }),
      [`${COLUMN}.JSONPath: Invalid value: "f": must be a simple json path starting with .`],
    ],
    ['with a column path that finds nothing is good', column({ jsonPath: '.f[' }), []],
    [
      'with a scale outside of spec',
      scale({ specReplicasPath: '.n' }),
      [`${SCALE}.specReplicasPath: Invalid value: ".n": should be a json path under .spec`],
    ],
    [
      'with a scale without paths',
      scale({ specReplicasPath: '', statusReplicasPath: '' }),
      [`${SCALE}.specReplicasPath: Required value`, `${SCALE}.statusReplicasPath: Required value`],
    ],
    [
      'with a selector elsewhere',
      scale({ labelSelectorPath: '.x' }),
      [`${SCALE}.labelSelectorPath: Invalid value: ".x": should be a json path under either`],
    ],
    [
      'with a selectable field that is not there',
      selectable('.z'),
      [`${FIELD}: Invalid value: ".z": is an invalid path: does not refer`],
    ],
    [
      'with a selectable object',
      selectable('.spec'),
      [`${FIELD}: Invalid value: ".spec": must point to a field of type string`],
    ],
    [
      'with a selectable item',
      selectable('.f[0]'),
      [`${FIELD}: Invalid value: ".f[0]": is an invalid path: array notation`],
    ],
    [
      'with a selectable field twice',
      selectable('.f', '.f'),
      ['spec.selectableFields[1].jsonPath: Duplicate value: ".f"'],
    ],
  ])('%s', (_name, more, want) => {
    starts(errorsOf({ versions: [aVersion(more)] }), want);
  });
});

describe('a definition', () => {
  const names = (more: object) => ({
    names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList', ...more },
  });
  it.each<readonly [string, object, readonly string[]]>([
    [
      'with an underscore in its kind',
      names({ kind: 'a_b' }),
      ['spec.names.kind: Invalid value: "a_b": may have mixed case, but'],
    ],
    [
      'with upper case in a short name',
      names({ shortNames: ['A'] }),
      [`spec.names.shortNames[0]: Invalid value: "A": ${LABEL}`],
    ],
    [
      'with upper case in a category',
      names({ categories: ['A'] }),
      [`spec.names.categories[0]: Invalid value: "A": ${LABEL}`],
    ],
    [
      'with a list kind like its kind',
      names({ listKind: 'Thing' }),
      ['spec.names.listKind: Invalid value: "Thing": kind and listKind'],
    ],
    [
      'with another conversion',
      { conversion: { strategy: 'Foo' } },
      ['spec.conversion.strategy: Unsupported value: "Foo"'],
    ],
    [
      'with a webhook that is not called',
      { conversion: { strategy: 'None', webhook: { conversionReviewVersions: ['v1'] } } },
      ['spec.conversion.conversionReviewVersions: Forbidden: should not be set when'],
    ],
    [
      'without a stored version',
      { versions: [aVersion({ storage: false })] },
      [
        'spec.versions: Invalid value: ["v1"]: must have exactly one version marked as storage',
        'status.storedVersions: Invalid value: null: must have at least one stored version',
      ],
    ],
    [
      'of a group of Kubernetes without approval',
      { group: 'x.k8s.io' },
      ['metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups'],
    ],
  ])('%s', (_name, spec, want) => {
    starts(errorsOf(spec), want);
  });

  it.each([
    ['https://github.com/kubernetes/kubernetes/pull/1', 0],
    ['unapproved, experimental-only', 0],
    ['yes', 1],
  ])('of a group of Kubernetes with approval %s', (approval, count) => {
    const annotations = { 'api-approved.kubernetes.io': approval };
    expect(errorsOf({ group: 'x.k8s.io' }, { annotations })).toHaveLength(count);
  });

  it('with a format that nothing checks is warned about', () => {
    const versions = [aVersion({}, { ...TEXT, format: 'colour' })];
    const object = {
      apiVersion: '',
      kind: 'CustomResourceDefinition',
      metadata: {},
      spec: { versions },
    };
    expect(definition.warnings?.(object)).toEqual(['unrecognized format "colour"']);
  });
});
