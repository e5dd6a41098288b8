import { readWriteContext } from '../../codec/query.js';
import type { ApiRequest } from '../../model/api-request.js';
import { statusError } from '../../model/errors.js';
import { type ApiObject, isObject, type JsonObject } from '../../model/object.js';
import type { Route, Verb } from '../../plan/route.js';
import type { CsrSigner, TokenAuthenticator, TokenSigner } from '../../ports.js';
import type { Authorizer } from '../authorizer.js';
import type { Registry } from '../registry.js';

export interface SubresourceCall {
  readonly request: ApiRequest;
  readonly route: Route;
  readonly verb: Verb;
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

/** @throws {StatusError} 400 when it is not an object */
export function bodyOf({ request }: SubresourceCall): JsonObject {
  if (isObject(request.body)) return request.body;
  throw statusError.badRequest('the body of the request must be an object');
}
