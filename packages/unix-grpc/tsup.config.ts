import { library } from '../../tsup.config.base.ts';

export default library(
  {
    index: 'src/index.ts',
    client: 'src/client.ts',
    server: 'src/server.ts',
    'testing/index': 'src/testing/index.ts',
  },
  { thirdParty: ['@grpc/grpc-js'] },
);
