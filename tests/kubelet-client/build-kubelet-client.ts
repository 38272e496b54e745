import { join } from "node:path";
import { goCommand } from "../harness/go-command.ts";

/** Compiles the Go module beside this file to one static program, which is also what runs inside test containers. */
export function buildKubeletClient(): string {
  const output = join(import.meta.dir, "../../build/kubelet-client");
  goCommand(["vet", "."], import.meta.dir);
  goCommand(["build", "-trimpath", "-o", output, "."], import.meta.dir);
  return output;
}
