export {
  createCsiClient,
  createRegistrationClient,
  type CsiClient,
  type CsiClientOptions,
  type RegistrationClient,
} from './adapters/client.js';
