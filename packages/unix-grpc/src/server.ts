export {
  type RunningServer,
  type ServedService,
  type ServerOptions,
  service,
  startServer,
} from './adapters/server.js';
