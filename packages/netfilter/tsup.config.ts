import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  conntrack: 'src/conntrack.ts',
  counters: 'src/counters.ts',
  ipset: 'src/ipset.ts',
  netlink: 'src/netlink.ts',
  nftables: 'src/nftables.ts',
  'adapters/spawn-command': 'src/adapters/spawn-command.ts',
  'testing/index': 'src/testing/index.ts',
});
