import { copyNetlinkAddon } from '../../tools/netlink-addon.ts';
import { library } from '../../tsup.config.base.ts';

export default library(
  {
    index: 'src/index.ts',
    'adapters/socket': 'src/adapters/socket.ts',
    'testing/index': 'src/testing/index.ts',
  },
  { onSuccess: () => copyNetlinkAddon('dist/prebuilds') },
);
