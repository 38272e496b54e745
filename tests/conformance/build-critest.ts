import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { goCommand } from "../harness/go-command.ts";

/**
 * Builds the CRI project's suite at the version that critest/go.mod pins, and the runner it starts for several specs at once. The
 * first build takes some minutes, later ones find Go's cache.
 *
 * @returns the directory that holds both programs.
 */
export function buildCritest(): string {
  const module = join(import.meta.dir, "critest");
  const output = join(import.meta.dir, "../../build/conformance");
  mkdirSync(output, { recursive: true });
  goCommand(
    ["test", "-c", "-trimpath", "-ldflags=-s -w", "-o", join(output, "critest"), "sigs.k8s.io/cri-tools/cmd/critest"],
    module,
  );
  goCommand(["build", "-trimpath", "-ldflags=-s -w", "-o", `${output}/`, "github.com/onsi/ginkgo/v2/ginkgo"], module);
  return output;
}
