import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';

import { KUBERNETES_VERSION } from '@nodeagent/component-base';

import type { JsonSchema } from '../model/json-schema.js';
import type { Kind } from '../model/kind.js';
import { apiVersionOf } from '../model/kinds.js';
import type { JsonObject } from '../model/object.js';
import { fieldsOf, type FieldType } from '../model/schema.js';

const INFO = { title: 'Kubernetes', version: KUBERNETES_VERSION };
/** Clients request it with `@v1.0`, which Go's parser of media types refuses in an answer. */
const PROTOBUF_V2 = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

export type OpenApiAnswer =
  | Readonly<{ kind: 'body'; httpStatus: number; body: unknown }>
  | Readonly<{ kind: 'bytes'; httpStatus: number; bytes: Uint8Array; contentType: string }>;

/** Renders the documents that kubectl reads before it writes; undefined for other paths. */
export function renderOpenApi(
  all: readonly Kind[],
  path: string,
  accept: string,
): OpenApiAnswer | undefined {
  if (path === '/openapi/v2') {
    if (!accept.includes('protobuf')) return answer({ swagger: '2.0', info: INFO, paths: {} });
    return { kind: 'bytes', httpStatus: 200, bytes: emptyV2(), contentType: PROTOBUF_V2 };
  }
  if (path === '/openapi/v3' || path === '/openapi/v3/') return answer({ paths: v3Paths(all) });
  const [, groupVersion] = /^\/openapi\/v3\/(.+)$/.exec(path) ?? [];
  const kinds = all.filter((kind) => groupVersionPath(kind) === groupVersion);
  return kinds.length === 0 ? undefined : answer(v3Document(kinds));
}

function answer(body: unknown): OpenApiAnswer {
  return { kind: 'body', httpStatus: 200, body };
}

/**
 * Encodes a document without definitions, in the only encoding that kubectl before 1.27 accepts:
 * kubectl then skips its own validation and leaves the checks to the server.
 *
 * @see gnostic openapiv2/OpenAPIv2.proto: Document.swagger = 1, info = 2, paths = 8; Info.title =
 * 1, version = 2
 */
function emptyV2(): Uint8Array {
  const bytes = (tag: number, content: Buffer): Buffer =>
    Buffer.concat([Buffer.from([(tag << 3) | 2, content.length]), content]);
  const info = [bytes(1, Buffer.from(INFO.title)), bytes(2, Buffer.from(INFO.version))];
  return Buffer.concat([
    bytes(1, Buffer.from('2.0')),
    bytes(2, Buffer.concat(info)),
    bytes(8, Buffer.alloc(0)),
  ]);
}

function groupVersionPath(kind: Kind): string {
  return kind.group === '' ? `api/${kind.version}` : `apis/${apiVersionOf(kind)}`;
}

/** The documents by group and version; a document's hash changes with its kinds. */
function v3Paths(all: readonly Kind[]): JsonObject {
  const names = new Set(all.map(groupVersionPath));
  return Object.fromEntries(
    [...names].map((name) => {
      const custom = all.filter((kind) => kind.custom && groupVersionPath(kind) === name);
      const hash = custom.length === 0 ? INFO.version : hashOf(custom);
      return [name, { serverRelativeURL: `/openapi/v3/${name}?hash=${hash}` }];
    }),
  );
}

function hashOf(kinds: readonly Kind[]): string {
  return createHash('sha256').update(JSON.stringify(kinds)).digest('hex').slice(0, 32);
}

function v3Document(kinds: readonly Kind[]): JsonObject {
  const paths: JsonObject = {};
  const schemas: Record<string, JsonObject> = {};
  for (const kind of kinds) {
    const inNamespace = kind.namespaced ? '/namespaces/{namespace}' : '';
    const base = `/${groupVersionPath(kind)}${inNamespace}/${kind.plural}`;
    if (kind.stored) {
      paths[base] = { post: operation(kind) };
      paths[`${base}/{name}`] = { patch: operation(kind), put: operation(kind) };
    } else paths[base] = { post: operation(kind) };
    if (kind.custom === undefined) addSchemas(kind.type, schemas);
    else {
      schemas[kind.type] = customSchema(kind.custom.schema);
      addSchemas('V1ObjectMeta', schemas);
    }
    const { group, version } = kind;
    const gvk = [{ group, version, kind: kind.kind }];
    schemas[kind.type] = { ...schemas[kind.type], 'x-kubernetes-group-version-kind': gvk };
  }
  return { openapi: '3.0.0', info: INFO, paths, components: { schemas } };
}

function operation({ group, version, kind }: Kind): JsonObject {
  const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => {
    return { name, in: 'query', schema: { type: 'string', uniqueItems: true } };
  });
  return {
    parameters,
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-group-version-kind': { group, version, kind },
  };
}

/** @see Kubernetes 1.36 apiextensions-apiserver pkg/controller/openapi/builder/builder.go */
function customSchema(schema: JsonSchema): JsonObject {
  const string = (description: string): JsonObject => ({ type: 'string', description });
  return {
    ...schema,
    properties: {
      ...schema.properties,
      apiVersion: string('APIVersion defines the versioned schema of this object.'),
      kind: string('Kind is the type of this object.'),
      metadata: {
        description: "Standard object's metadata.",
        allOf: [{ $ref: '#/components/schemas/V1ObjectMeta' }],
      },
    },
  };
}

function addSchemas(type: string, schemas: Record<string, JsonObject>): void {
  const fields = fieldsOf(type);
  if (fields === undefined || schemas[type] !== undefined) return;
  const properties: JsonObject = {};
  schemas[type] = { type: 'object', properties };
  for (const [name, field] of fields) {
    properties[name] = schemaOf(field);
    addSchemas(field.of, schemas);
  }
}

function schemaOf({ shape, of }: FieldType): JsonObject {
  const inner = SCALARS[of] ?? { $ref: `#/components/schemas/${of}` };
  if (shape === 'list') return { type: 'array', items: inner };
  if (shape === 'map') return { type: 'object', additionalProperties: inner };
  return inner;
}

const text = { type: 'string' };
const SCALARS: Readonly<Record<string, JsonObject>> = {
  string: text,
  quantity: text,
  bytes: { ...text, format: 'byte' },
  time: { ...text, format: 'date-time' },
  microtime: { ...text, format: 'date-time' },
  boolean: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  'int-or-string': { ...text, format: 'int-or-string' },
  any: {},
};
