/** The verbs of crictl that the smoke script uses; each answers with what it printed, ids alone where it makes something. */
export interface SmokeDriver {
  readonly name: string;
  version(): Promise<string>;
  info(): Promise<string>;
  pull(reference: string): Promise<string>;
  images(): Promise<string>;
  inspecti(reference: string): Promise<string>;
  runp(podFile: string): Promise<string>;
  create(podId: string, containerFile: string, podFile: string): Promise<string>;
  start(containerId: string): Promise<string>;
  ps(): Promise<string>;
  pods(): Promise<string>;
  execSync(containerId: string, command: readonly string[]): Promise<string>;
  logs(containerId: string): Promise<string>;
  inspect(containerId: string): Promise<string>;
  inspectp(podId: string): Promise<string>;
  stats(containerId: string): Promise<string>;
  statsp(podId: string): Promise<string>;
  /** Events as they come, one a line, from now on until `stop`. */
  events(): { text(): string; stop(): Promise<void> };
  stop(containerId: string): Promise<string>;
  rm(containerId: string): Promise<string>;
  stopp(podId: string): Promise<string>;
  rmp(podId: string): Promise<string>;
  rmi(reference: string): Promise<string>;
}
