import { dns1035LabelErrors } from '@nodeagent/pod-rules';

import type { CustomColumn, ScalePaths } from '../../model/custom-kind.js';
import { field, type FieldError } from '../../model/errors.js';
import { fieldSchema, type JsonSchema } from '../../model/json-schema.js';
import { schemaErrors } from './check-schema.js';
import { pathOfPart, type Version } from './definition.js';

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = 'byte,date,date-time,double,float,int32,int64,password'.split(',');
const SELECTABLE_TYPES = ['string', 'boolean', 'integer'];
const MOST_SELECTABLE_FIELDS = 8;

/**
 * Checks one version of a CustomResourceDefinition.
 *
 * @see Kubernetes 1.36 apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go
 */
export function versionErrors(versions: readonly Version[], index: number): readonly FieldError[] {
  const version = versions[index];
  if (version === undefined) return [];
  const path = `spec.versions[${index}]`;
  const schema = version.schema?.openAPIV3Schema;
  const part = (name: Parameters<typeof pathOfPart>[2]) => pathOfPart(versions, index, name);
  const [schemaPath, columnsPath] = [part('schema'), part('additionalPrinterColumns')];
  const [fieldsPath, subresourcesPath] = [part('selectableFields'), part('subresources')];
  const { subresources, additionalPrinterColumns = [], selectableFields = [] } = version;
  const errors = [...dns1035LabelErrors(`${path}.name`, version.name)];
  if (index === 0) errors.push(...dns1035LabelErrors('spec.version', version.name));
  errors.push(...deprecationErrors(version, path));
  if (schema === undefined) errors.push(field.required(`${path}.schema.openAPIV3Schema`));
  else if (schemaPath !== undefined) {
    errors.push(...schemaErrors(schema, `${schemaPath}.openAPIV3Schema`));
  }
  if (subresources?.scale !== undefined && subresourcesPath !== undefined) {
    errors.push(...scaleErrors(subresources.scale, `${subresourcesPath}.scale`));
  }
  if (columnsPath !== undefined) {
    errors.push(
      ...additionalPrinterColumns.flatMap((one, i) => columnErrors(one, `${columnsPath}[${i}]`)),
    );
  }
  if (fieldsPath !== undefined) {
    const paths = selectableFields.map(({ jsonPath }) => jsonPath);
    errors.push(...selectableErrors(paths, schema ?? {}, fieldsPath));
  }
  return errors;
}

function deprecationErrors(version: Version, path: string): readonly FieldError[] {
  const { deprecated, deprecationWarning } = version;
  if (deprecationWarning === undefined || deprecated === true) return [];
  const why = 'can only be set for deprecated versions';
  return [field.invalid(`${path}.deprecationWarning`, deprecationWarning, why)];
}

/** Reads `.spec.replicas`; the whole object is `.`. */
function simplePathErrors(text: string, path: string): readonly FieldError[] {
  if (text === '') return [field.invalid(path, text, 'must not be empty')];
  if (text.startsWith('.')) return [];
  return [field.invalid(path, text, 'must be a simple json path starting with .')];
}

function columnErrors(column: Partial<CustomColumn>, path: string): readonly FieldError[] {
  const { name = '', type = '', format = '', jsonPath = '' } = column;
  const errors: FieldError[] = [];
  const types = `must be one of ${COLUMN_TYPES.join(',')}`;
  if (name === '') errors.push(field.required(`${path}.name`));
  if (type === '') errors.push(field.required(`${path}.type`, types));
  else if (!COLUMN_TYPES.includes(type)) errors.push(field.invalid(`${path}.type`, type, types));
  if (format !== '' && !COLUMN_FORMATS.includes(format)) {
    const why = `must be one of ${COLUMN_FORMATS.join(',')}`;
    errors.push(field.invalid(`${path}.format`, format, why));
  }
  if (jsonPath === '') errors.push(field.required(`${path}.JSONPath`));
  else errors.push(...simplePathErrors(jsonPath, `${path}.JSONPath`));
  return errors;
}

function scaleErrors(scale: Partial<ScalePaths>, path: string): readonly FieldError[] {
  const { specReplicasPath = '', statusReplicasPath = '', labelSelectorPath = '' } = scale;
  const under = (text: string, at: string, roots: readonly string[], why: string) => {
    const errors = simplePathErrors(text, at);
    if (errors.length > 0 || roots.some((root) => text.startsWith(root))) return errors;
    return [field.invalid(at, text, why)];
  };
  const errors: FieldError[] = [];
  for (const [name, text, root] of [
    ['specReplicasPath', specReplicasPath, '.spec'],
    ['statusReplicasPath', statusReplicasPath, '.status'],
  ] as const) {
    const at = `${path}.${name}`;
    if (text === '') errors.push(field.required(at));
    else errors.push(...under(text, at, [`${root}.`], `should be a json path under ${root}`));
  }
  if (labelSelectorPath !== '') {
    const why = 'should be a json path under either .spec or .status';
    const at = `${path}.labelSelectorPath`;
    errors.push(...under(labelSelectorPath, at, ['.spec.', '.status.'], why));
  }
  return errors;
}

function selectableErrors(
  paths: readonly string[],
  schema: JsonSchema,
  path: string,
): readonly FieldError[] {
  const errors = paths.flatMap((text, index) => {
    const at = `${path}[${index}].jsonPath`;
    if (text === '') return [field.required(at)];
    if (text.includes('[')) {
      return [field.invalid(at, text, 'is an invalid path: array notation is not allowed')];
    }
    const found = schemaAt(schema, text);
    if (found === undefined) {
      return [field.invalid(at, text, 'is an invalid path: does not refer to a valid field')];
    }
    const why =
      'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
    return [
      ...(SELECTABLE_TYPES.includes(found.type ?? '') ? [] : [field.invalid(at, text, why)]),
      ...(paths.indexOf(text) < index ? [field.duplicate(at, text)] : []),
    ];
  });
  const count = new Set(paths).size;
  if (count <= MOST_SELECTABLE_FIELDS) return errors;
  return [...errors, field.tooMany(path, count, MOST_SELECTABLE_FIELDS)];
}

function schemaAt(schema: JsonSchema, path: string): JsonSchema | undefined {
  const [empty, ...names] = path.split('.');
  if (empty !== '' || names.length === 0) return undefined;
  return names.reduce<JsonSchema | undefined>(
    (found, name) => (found === undefined ? undefined : fieldSchema(found, name)),
    schema,
  );
}
