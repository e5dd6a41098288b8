/** The labels that the machine's policy has for containers: `user:role:type[:level]`. */
export interface ContainerLabels {
  readonly process: string;
  readonly file: string;
}
