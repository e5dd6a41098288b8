import { library } from '../../tsup.config.base.ts';

export default library({
  index: 'src/index.ts',
  'adapters/grpc': 'src/adapters/grpc.ts',
  logs: 'src/logs.ts',
  'adapters/streaming': 'src/adapters/streaming.ts',
  'testing/index': 'src/testing/index.ts',
});
