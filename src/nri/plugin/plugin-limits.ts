/** The deadlines of NRI's reference implementation, in milliseconds. */
export interface PluginLimits {
  readonly registrationMs: number;
  readonly requestMs: number;
}
