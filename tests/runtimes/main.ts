/**
 * `bun tests/runtimes/main.ts`: builds containerd's shim for runc, and gVisor's runtime and shim, from their Go modules, and holds
 * crib's contract of a runtime and the tests of shims to each. The first build takes a quarter of an hour, later ones find Go's cache.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { goCommand } from "../harness/go-command.ts";
import { say } from "../harness/say.ts";
import { runscConfig } from "../harness/shims.ts";

const root = join(import.meta.dir, "../..");
const output = join(root, "build/peers");
const flags = ["build", "-trimpath", "-ldflags=-s -w"];
/** What gVisor's shim gives itself; it does not start where the kernel refuses it. */
const scoreOfShim = -999;

function build(): void {
  mkdirSync(output, { recursive: true });
  const runc = "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2";
  goCommand([...flags, "-o", `${output}/`, runc], join(import.meta.dir, "../peers"));
  const gvisor = join(import.meta.dir, "gvisor");
  goCommand([...flags, "-mod=mod", "-o", join(output, "containerd-shim-runsc-v1"), "gvisor.dev/gvisor/shim"], gvisor);
  goCommand([...flags, "-mod=mod", "-o", join(output, "runsc"), "gvisor.dev/gvisor/runsc"], gvisor);
  const config = [`binary_name = "${join(output, "runsc")}"`, "[runsc_config]", 'platform = "systrap"', ""];
  writeFileSync(runscConfig, config.join("\n"));
}

/** CAP_SYS_RESOURCE, without which no process goes below the score that it has (proc(5)). */
function mayLowerScores(): boolean {
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return (BigInt(`0x${capabilities}`) & (1n << 24n)) !== 0n;
}

build();
if (!mayLowerScores()) {
  say(`gVisor's shim cannot start here: it wants an oom score of ${scoreOfShim}, which takes CAP_SYS_RESOURCE`);
}
const files = ["./tests/integration/runtime-contract.test.ts", "./tests/integration/shim-handlers.test.ts"];
const { exitCode } = Bun.spawnSync([process.execPath, "test", "--timeout=120000", ...files], {
  cwd: root,
  env: { ...process.env, CRIB_TEST_SHIMS: mayLowerScores() ? "all" : "runc" },
  stdio: ["ignore", "inherit", "inherit"],
});
process.exit(exitCode);
