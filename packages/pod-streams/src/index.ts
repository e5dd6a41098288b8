export { CHANNEL, CHANNEL_PROTOCOLS, type ChannelProtocol } from './codec/channel-frame.js';
export type { ConnectionFailure, SessionFailure } from './model/failure.js';
export type { SessionStreams } from './model/session-streams.js';
export type { ChannelHandlers, ChannelSocket, OpenChannels } from './ports.js';
