import type { UserInfo } from './request.js';

/** One request to the API, without its transport. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly accept: string;
  readonly userAgent: string;
  readonly contentType: string;
  /** The parsed body; undefined without a body. */
  readonly body: unknown;
  readonly user: UserInfo;
}
