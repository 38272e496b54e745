import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { goCommand } from "../harness/go-command.ts";

const containerd = "github.com/containerd/containerd/v2/cmd";

/**
 * Builds the engine that crib is measured against, at the versions that go.mod beside this file pins: containerd, its runc shim and runc.
 * Debian's are years older. The first build takes some minutes, later ones find Go's cache.
 *
 * @returns the directory that holds the three programs.
 */
export function buildPeers(): string {
  const output = join(import.meta.dir, "../../build/peers");
  mkdirSync(output, { recursive: true });
  const flags = ["build", "-trimpath", "-ldflags=-s -w"];
  goCommand(
    [...flags, "-o", `${output}/`, `${containerd}/containerd`, `${containerd}/containerd-shim-runc-v2`],
    import.meta.dir,
  );
  // runc needs cgo: its first steps are C, and so is libseccomp.
  goCommand([...flags, "-tags=seccomp", "-o", `${output}/`, "github.com/opencontainers/runc"], import.meta.dir, {
    CGO_ENABLED: "1",
  });
  return output;
}
