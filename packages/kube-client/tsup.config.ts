import { library } from '../../tsup.config.base.ts';

export default library(
  {
    index: 'src/index.ts',
    http: 'src/http.ts',
    'adapters/kubeconfig': 'src/adapters/kubeconfig.ts',
    resources: 'src/resources.ts',
    'model/generated/api-types': 'src/model/generated/api-types.ts',
    'testing/index': 'src/testing/index.ts',
  },
  { thirdParty: ['yaml'] },
);
