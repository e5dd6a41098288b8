export { StatusReporter } from './status-reporter.js';
