import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  netlink: 'src/netlink.ts',
  'testing/index': 'src/testing/index.ts',
  'bin/ipvs': 'src/bin/ipvs.ts',
});
