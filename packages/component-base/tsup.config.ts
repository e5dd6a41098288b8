import { library } from '../../tsup.config.base.ts';

export default library(
  {
    index: 'src/index.ts',
    'codec/config-fields': 'src/codec/config-fields.ts',
    'codec/logging-fields': 'src/codec/logging-fields.ts',
    'adapters/connections': 'src/adapters/connections.ts',
    'adapters/guard-server': 'src/adapters/guard-server.ts',
    'adapters/process': 'src/adapters/process.ts',
    'adapters/tracing': 'src/adapters/tracing.ts',
    'adapters/upgrade': 'src/adapters/upgrade.ts',
  },
  { thirdParty: ['@grpc/grpc-js', 'pino', 'prom-client', 'yaml'] },
);
