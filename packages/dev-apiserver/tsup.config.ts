import { library } from '../../tsup.config.base.ts';

export default library(
  {
    index: 'src/index.ts',
    'bin/dev-apiserver': 'src/bin/dev-apiserver.ts',
    'bin/controllers': 'src/bin/controllers.ts',
    controllers: 'src/controllers.ts',
    'test-cluster': 'src/test-cluster.ts',
  },
  { thirdParty: ['yaml'] },
);
