import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { goCommand, goOutput } from "../../harness/go-command.ts";

const module = "github.com/containerd/containerd/v2";
const peers = join(import.meta.dir, "../../peers");

/** The suite's start opens a client of containerd's own API, which the tests that speak the CRI alone never use and crib does not serve. */
const CLIENT_START = "containerdClient, err = containerd.New(";
const NO_CLIENT = "_, err = func(any, any) (any, error) { return containerd.New, nil }(";

/**
 * Builds containerd's own integration tests at the version that tests/peers/go.mod pins, without that client: from a copy of the module below
 * build/, since Go lets nobody replace a file of its cache.
 *
 * @returns the test program.
 */
export function buildContainerdSuite(): string {
  const output = join(import.meta.dir, "../../../build/containerd-suite");
  const copy = join(output, "source");
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  cpSync(goOutput(["list", "-m", "-f", "{{.Dir}}", module], peers), copy, { recursive: true });
  const main = join(copy, "integration/main_test.go");
  const source = readFileSync(main, "utf8");
  if (source.split(CLIENT_START).length !== 2) throw new Error(`${main} is not as this expects: ${CLIENT_START} once`);
  rmSync(main);
  writeFileSync(main, source.replace(CLIENT_START, NO_CLIENT));
  for (const name of ["go.mod", "go.sum"]) writeFileSync(join(output, name), readFileSync(join(peers, name)));
  const program = join(output, "integration.test");
  const flags = ["-trimpath", "-ldflags=-s -w", `-modfile=${join(output, "go.mod")}`];
  goCommand(["mod", "edit", `-replace=${module}=${copy}`, join(output, "go.mod")], peers);
  goCommand(["test", "-c", ...flags, "-o", program, `${module}/integration`], peers);
  return program;
}
