export type { Answer } from './model/exchange.js';
export type { RouteName } from './model/routes.js';
export { tlsProblems, type TlsSettings, tlsSettings } from './plan/tls-settings.js';
export type {
  KeyedCertificate,
  ListenerSpec,
  NodeListener,
  NodeServer,
  NodeServerAdapters,
  PodsOnNode,
  ReadLog,
  Reloaded,
  RotationFiles,
  SecureListenerSpec,
  SystemLogs,
} from './ports.js';
export { type AdmissionRules, Doorkeeper } from './run/admit.js';
export { createNodeHandlers, type NodeHandlerOptions } from './run/handlers.js';
export type { Handler, HandlerCall, Handlers } from './run/node-api.js';
export { runLogRotation } from './run/log-rotation.js';
export { createNodeServer, type NodeServerOptions } from './run/node-server.js';
export type { MetricsPage } from './run/pages.js';
export { createReviews, type ReviewOptions } from './run/reviews.js';
export type { ProgramFacts } from './render/pages.js';
export { createIssuedCertificate, type IssuedCertificate } from './run/issued-certificate.js';
