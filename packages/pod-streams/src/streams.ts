export {
  openPortForward,
  type PortForward,
  type PortForwardOptions,
} from './adapters/port-forward.js';
export {
  openSession,
  type Session,
  type SessionOptions,
  type SessionStreams,
} from './adapters/session.js';
