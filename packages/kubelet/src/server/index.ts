export { type Answer, failure } from './model/exchange.js';
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
  SecureListenerSpec,
  SystemLogs,
} from './ports.js';
export type { ProgramFacts } from './render/pages.js';
