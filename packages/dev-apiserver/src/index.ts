export { ApiServerError, type ApiServerErrorCode } from './model/errors.js';
export type { UserInfo } from './model/request.js';
export type { ResolveService, WebhookService } from './ports.js';
export { type DevApiServer, type DevApiServerOptions, startDevApiServer } from './start.js';
