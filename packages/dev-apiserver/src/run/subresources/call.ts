import { readWriteContext } from '../../codec/query.js';
import type { ApiRequest } from '../../model/api-request.js';
import { statusError } from '../../model/errors.js';
import { type ApiObject, isObject, type JsonObject, toApiObject } from '../../model/object.js';
import type { Route, Verb } from '../../plan/route.js';
import type { CsrSigner, TokenAuthenticator, TokenSigner } from '../../ports.js';
import type { Authorizer } from '../authorizer.js';
import type { Registry } from '../registry.js';

export interface SubresourceCall {
  readonly request: ApiRequest;
  readonly route: Route;
  readonly verb: Verb;
  /**
   * Shows what is sent to the subresource to admission webhooks.
   *
   * @returns it as they leave it
   * @throws {StatusError} the refusal of one
   */
  readonly admit: (
    operation: 'CREATE' | 'UPDATE',
    transition: Readonly<{ object: ApiObject; old: ApiObject | undefined }>,
  ) => Promise<ApiObject>;
}

export interface SubresourceAnswer {
  readonly object: ApiObject;
  readonly httpStatus: number;
}

export interface SubresourcePorts {
  readonly registry: Registry;
  readonly authorizer: Authorizer;
  readonly signer: TokenSigner;
  /** Maximum lifetime of service account tokens. */
  readonly longestTokenSeconds: number;
  readonly authenticate: TokenAuthenticator;
  readonly csrSigner: CsrSigner;
}

export function writeContextOf({ request }: SubresourceCall): ReturnType<typeof readWriteContext> {
  return readWriteContext(request.query, request.user, request.userAgent);
}

/** The body of a POST to a subresource, after admission; its type is that of the subresource. */
export async function admittedBody(
  call: SubresourceCall,
  type: Readonly<{ apiVersion: string; kind: string }>,
): Promise<ApiObject> {
  const object = toApiObject({ ...bodyOf(call), ...type });
  return call.admit('CREATE', { object, old: undefined });
}

/** @throws {StatusError} 400 when it is not an object */
export function bodyOf({ request }: SubresourceCall): JsonObject {
  if (isObject(request.body)) return request.body;
  throw statusError.badRequest('the body of the request must be an object');
}
