import { join } from "node:path";
import { goCommand } from "../harness/go-command.ts";

/** Compiles the Go module beside this file to one static program, which is also what runs inside test containers. */
export function buildKubeletClient(): string {
  const build = join(import.meta.dir, "../../build");
  const output = join(build, "kubelet-client");
  goCommand(["vet", "./..."], import.meta.dir);
  goCommand(["build", "-trimpath", "-o", output, "."], import.meta.dir);
  // What cases of it run, beside it.
  goCommand(["build", "-trimpath", "-o", join(build, "kubelet-cadvisor"), "./cadvisor"], import.meta.dir);
  return output;
}
