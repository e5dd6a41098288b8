export {
  type CallArgument,
  type Channel,
  type ChannelOptions,
  MAX_MESSAGE_BYTES,
  openChannel,
  type WireMethod,
} from './adapters/channel.js';
export type { DescriptorReserve } from './adapters/descriptor-reserve.js';
export { createServiceClient } from './adapters/service-client.js';
