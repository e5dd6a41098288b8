import { codedError } from '@nodeagent/base';
import type { Status } from '@nodeagent/kube-client';
import type { FieldError } from '@nodeagent/pod-rules';

export { field, type FieldError } from '@nodeagent/pod-rules';

/** The part of a resource that error messages name. */
export interface GroupResource {
  readonly group: string;
  readonly plural: string;
}

/** Thrown by all code behind the HTTP handler; becomes the `Status` body of the answer. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly status: Status;
  readonly httpStatus: number;

  constructor(httpStatus: number, reason: string, message: string, more: Partial<Status> = {}) {
    super(message);
    this.httpStatus = httpStatus;
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      ...(reason === '' ? {} : { reason }),
      ...more,
      code: httpStatus,
    };
  }
}

function qualified({ group, plural }: GroupResource): string {
  return group === '' ? plural : `${plural}.${group}`;
}

function details(resource: GroupResource, name: string): Pick<Status, 'details'> {
  const { group, plural } = resource;
  return {
    details: {
      ...(name === '' ? {} : { name }),
      ...(group === '' ? {} : { group }),
      kind: plural,
    },
  };
}

/**
 * The wording is that of Kubernetes apimachinery pkg/api/errors/errors.go: clients match on some of
 * it.
 */
export const statusError = {
  notFound: (resource: GroupResource, name: string): StatusError =>
    new StatusError(
      404,
      'NotFound',
      `${qualified(resource)} "${name}" not found`,
      details(resource, name),
    ),
  alreadyExists: (resource: GroupResource, name: string): StatusError =>
    new StatusError(
      409,
      'AlreadyExists',
      `${qualified(resource)} "${name}" already exists`,
      details(resource, name),
    ),
  conflict: (resource: GroupResource, name: string, why: string): StatusError =>
    new StatusError(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
      details(resource, name),
    ),
  modified: (resource: GroupResource, name: string): StatusError =>
    statusError.conflict(
      resource,
      name,
      'the object has been modified; please apply your changes to the latest version and try again',
    ),
  forbidden: (resource: GroupResource, name: string, why: string): StatusError =>
    new StatusError(
      403,
      'Forbidden',
      name === ''
        ? `${qualified(resource)} is forbidden: ${why}`
        : `${qualified(resource)} "${name}" is forbidden: ${why}`,
      details(resource, name),
    ),
  invalid: (
    { group, kind }: Readonly<{ group: string; kind: string }>,
    name: string,
    errors: readonly FieldError[],
  ): StatusError => {
    const texts = errors.map((error) => `${error.field}: ${error.message}`);
    const summary = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
    const of = group === '' ? kind : `${kind}.${group}`;
    return new StatusError(422, 'Invalid', `${of} "${name}" is invalid: ${summary}`, {
      details: {
        ...(name === '' ? {} : { name }),
        ...(group === '' ? {} : { group }),
        kind,
        causes: errors.map(({ reason, message, field: path }) => ({
          reason,
          message,
          field: path,
        })),
      },
    });
  },
  badRequest: (why: string): StatusError => new StatusError(400, 'BadRequest', why),
  internal: (why: string): StatusError =>
    new StatusError(500, 'InternalError', `Internal error occurred: ${why}`),
  unauthorized: (): StatusError => new StatusError(401, 'Unauthorized', 'Unauthorized'),
  expired: (why: string, continueToken?: string): StatusError =>
    new StatusError(
      410,
      'Expired',
      why,
      continueToken === undefined ? {} : { metadata: { continue: continueToken } },
    ),
  methodNotAllowed: (): StatusError =>
    new StatusError(
      405,
      'MethodNotAllowed',
      'the server does not allow this method on the requested resource',
    ),
  unsupportedMediaType: (accepted: readonly string[]): StatusError =>
    new StatusError(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    ),
  unknownPath: (): StatusError =>
    new StatusError(404, 'NotFound', 'the server could not find the requested resource'),
  tooLargeVersion: (wanted: number, current: number): StatusError =>
    new StatusError(
      504,
      'Timeout',
      `Timeout: Too large resource version: ${wanted}, current: ${current}`,
      {
        details: {
          causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
          retryAfterSeconds: 1,
        },
      },
    ),
};

/**
 * `APISERVER_OPTIONS` an option or flag is wrong · `APISERVER_LISTEN` the server cannot listen on
 * the port · `APISERVER_FILES` a file cannot be written · `APISERVER_INTERNAL` a bug in this
 * package.
 */
export type ApiServerErrorCode =
  'APISERVER_OPTIONS' | 'APISERVER_LISTEN' | 'APISERVER_FILES' | 'APISERVER_INTERNAL';

/** Thrown when the server cannot start; match on `code`. */
export class ApiServerError extends codedError<ApiServerErrorCode>('ApiServerError') {}
