import { library } from '../../tsup.config.base.ts';

export default library(
  {
    index: 'src/index.ts',
    once: 'src/once.ts',
    'adapters/health-server': 'src/adapters/health-server.ts',
    'adapters/local-commands': 'src/adapters/local-commands.ts',
    'adapters/http-prober': 'src/adapters/http-prober.ts',
    'adapters/tcp-prober': 'src/adapters/tcp-prober.ts',
    'adapters/grpc-prober': 'src/adapters/grpc-prober.ts',
    'testing/index': 'src/testing/index.ts',
  },
  { thirdParty: ['@grpc/grpc-js'] },
);
