import type { CustomColumn, ObjectRules, ScalePaths } from '../../model/custom-kind.js';
import type { JsonSchema } from '../../model/json-schema.js';
import type { Kind } from '../../model/kind.js';
import { type ApiObject, deepEqual, listAt } from '../../model/object.js';

/** A CustomResourceDefinition as far as this server reads it. */
export interface Definition {
  readonly metadata: ApiObject['metadata'];
  readonly spec: Readonly<{
    group: string;
    scope: string;
    names: Names;
    versions: readonly Version[];
    conversion?: Readonly<{
      strategy?: string;
      webhook?: Readonly<{ clientConfig?: object; conversionReviewVersions?: readonly string[] }>;
    }>;
    preserveUnknownFields?: boolean;
  }>;
  readonly status?: Readonly<{ storedVersions?: readonly string[] }>;
}

export interface Names {
  readonly plural: string;
  readonly kind: string;
  readonly singular?: string;
  readonly listKind?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

export interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  readonly schema?: Readonly<{ openAPIV3Schema?: JsonSchema }>;
  readonly subresources?: Readonly<{ status?: object; scale?: ScalePaths }>;
  readonly additionalPrinterColumns?: readonly CustomColumn[];
  readonly selectableFields?: readonly Readonly<{ jsonPath: string }>[];
}

/**
 * Only for objects that have passed the validation of their kind.
 *
 * @throws {TypeError} for another kind, which is a bug
 */
export function definitionOf(object: ApiObject): Definition {
  if (isDefinition(object)) return object;
  throw new TypeError(`expected a CustomResourceDefinition, got a ${object.kind}`);
}

function isDefinition(object: ApiObject): object is ApiObject & Definition {
  return object.kind === 'CustomResourceDefinition';
}

export function isEstablished(object: ApiObject): boolean {
  return listAt(object, 'status.conditions').some(
    ({ type, status }) => type === 'Established' && status === 'True',
  );
}

/** The parts of versions that a real server keeps once when all versions have the same. */
const SHARED = {
  schema: 'validation',
  subresources: 'subresources',
  additionalPrinterColumns: 'additionalPrinterColumns',
  selectableFields: 'selectableFields',
} as const;

/**
 * Returns where errors of a part of a version are found: `spec.versions[0].subresources`, or
 * `spec.subresources` when all versions have the same; undefined for a version whose part was
 * looked at with the first one.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apis/apiextensions/v1/conversion.go
 */
export function pathOfPart(
  versions: readonly Version[],
  index: number,
  part: keyof typeof SHARED,
): string | undefined {
  const first = versions[0]?.[part];
  const isShared = first !== undefined && versions.every((one) => deepEqual(one[part], first));
  if (!isShared) return `spec.versions[${index}].${part}`;
  return index === 0 ? `spec.${SHARED[part]}` : undefined;
}

/** The schemas of a definition's versions, and their paths. */
export function schemasOf({
  spec,
}: Definition): readonly Readonly<{ schema: JsonSchema; path: string }>[] {
  return spec.versions.flatMap(({ schema }, index) => {
    const path = pathOfPart(spec.versions, index, 'schema');
    if (path === undefined) return [];
    return [{ schema: schema?.openAPIV3Schema ?? {}, path: `${path}.openAPIV3Schema` }];
  });
}

/** The column of kinds without columns of their own. */
const AGE: CustomColumn = {
  name: 'Age',
  type: 'date',
  description: 'CreationTimestamp is a timestamp representing the server time when it was created.',
  jsonPath: '.metadata.creationTimestamp',
};

/** Returns the kinds that a definition serves, one for each served version, preferred first. */
export function kindsOf(
  { spec }: Definition,
  rulesOf: (schema: JsonSchema) => ObjectRules | undefined,
): readonly Kind[] {
  const { group, names } = spec;
  const storage = spec.versions.find((version) => version.storage);
  return spec.versions
    .filter(({ served }) => served)
    .sort((a, b) => compareVersions(a.name, b.name))
    .map((version) => ({
      group,
      version: version.name,
      plural: names.plural,
      singular: names.singular ?? names.kind.toLowerCase(),
      kind: names.kind,
      shortNames: names.shortNames ?? [],
      categories: names.categories ?? [],
      namespaced: spec.scope === 'Namespaced',
      type: schemaName(group, version.name, names.kind),
      storage: `${names.plural}.${group}`,
      generation: true,
      status: version.subresources?.status !== undefined,
      scale: version.subresources?.scale !== undefined,
      subresources: {},
      selectable: (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.slice(1)),
      stored: true,
      custom: {
        schema: version.schema?.openAPIV3Schema ?? {},
        storedApiVersion: `${group}/${storage?.name ?? ''}`,
        storedSchema: storage?.schema?.openAPIV3Schema ?? {},
        columns: version.additionalPrinterColumns ?? [AGE],
        scale: version.subresources?.scale,
        rules: rulesOf(version.schema?.openAPIV3Schema ?? {}),
        warning: warningOf(spec, version),
      },
    }));
}

/** `com.example.v1.Widget`, the name of the kind's schema in OpenAPI documents. */
function schemaName(group: string, version: string, kind: string): string {
  return [...group.split('.').reverse(), version, kind].join('.');
}

function warningOf({ group, names }: Definition['spec'], version: Version): string | undefined {
  if (version.deprecated !== true) return undefined;
  return version.deprecationWarning ?? `${group}/${version.name} ${names.kind} is deprecated`;
}

const VERSION = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/;

/**
 * Orders versions as discovery does: v2, v1, v1beta2, v1beta1, v1alpha1, then other names by
 * alphabet.
 *
 * @see Kubernetes 1.36 apimachinery pkg/version/helpers.go
 */
function compareVersions(a: string, b: string): number {
  const left = VERSION.exec(a);
  const right = VERSION.exec(b);
  if (left === null || right === null) {
    if (left !== null) return -1;
    if (right !== null) return 1;
    return a < b ? -1 : 1;
  }
  const rank = (stage: string | undefined): number =>
    stage === undefined ? 2 : stage === 'beta' ? 1 : 0;
  return (
    rank(right[2]) - rank(left[2]) ||
    Number(right[1]) - Number(left[1]) ||
    Number(right[3] ?? 0) - Number(left[3] ?? 0)
  );
}
