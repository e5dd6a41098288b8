import { MemoryConntrack } from '../../src/testing/index.js';
import { conntrackContract } from './conntrack-contract.js';

conntrackContract('MemoryConntrack', async () => {
  const conntrack = new MemoryConntrack();
  return {
    conntrack,
    track: async (traffic) => {
      conntrack.flows = traffic.map(({ protocol, original, server }, i) => {
        const { source: destination, sourcePort: destinationPort } = original;
        const reply = {
          source: server.ip,
          sourcePort: server.port,
          destination,
          destinationPort,
        };
        return { protocol, original, reply, zone: 0, id: i + 1 };
      });
    },
  };
});
