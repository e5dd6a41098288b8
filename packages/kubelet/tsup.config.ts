import { library } from '../../tsup.config.base.ts';

export default library(
  {
    index: 'src/index.ts',
    'adapters/index': 'src/adapters/index.ts',
    'testing/index': 'src/testing/index.ts',
  },
  { thirdParty: ['ws', 'yaml'] },
);
