export { type AdmissionRules, Doorkeeper } from './admit.js';
export { createNodeHandlers, type NodeHandlerOptions } from './handlers.js';
export { createIssuedCertificate, type IssuedCertificate } from './issued-certificate.js';
export type { Handler, HandlerCall, Handlers } from './node-api.js';
export { createNodeServer, type NodeServerOptions } from './node-server.js';
export type { MetricsPage } from './pages.js';
export { createReviews, type ReviewOptions } from './reviews.js';
