import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  client: 'src/client.ts',
  server: 'src/server.ts',
  hostpath: 'src/hostpath.ts',
  'testing/index': 'src/testing/index.ts',
  'bin/csi-hostpath': 'src/bin/csi-hostpath.ts',
});
