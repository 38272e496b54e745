import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { goCommand } from "../harness/go-command.ts";

const flags = ["-trimpath", "-ldflags=-s -w"];
const programs = "k8s.io/kubernetes/cmd";

/** Programs that are built together, with what `go` is told. One command links for a few minutes at most. */
const builds = {
  cluster: [
    ["build", ...flags, "-o", "etcd", "go.etcd.io/etcd/server/v3"],
    ["build", ...flags, "-o", "./", `${programs}/kubelet`, `${programs}/kubectl`],
    ["build", ...flags, "-o", "./", `${programs}/kube-apiserver`],
    ["build", ...flags, "-o", "./", `${programs}/kube-controller-manager`, `${programs}/kube-scheduler`],
  ],
  "node-suite": [
    ["build", ...flags, "-o", "./", `${programs}/kubelet`, "k8s.io/kubernetes/test/images/agnhost"],
    ["build", ...flags, "-o", "./", "github.com/onsi/ginkgo/v2/ginkgo"],
    ["test", "-c", ...flags, "-o", "e2e_node.test", "k8s.io/kubernetes/test/e2e_node"],
  ],
} as const satisfies Record<string, readonly (readonly string[])[]>;

/**
 * Builds Kubernetes' own programs at the version that go.mod beside this file pins. They are kept in the user's cache, since they take a gigabyte
 * and a quarter of an hour, and are the same for every checkout.
 *
 * @returns the directory that holds them.
 */
export function buildKubernetes(what: keyof typeof builds): string {
  const output = join(cacheDirectory(), versionKey());
  const stamp = join(output, `${what}.built`);
  if (existsSync(stamp)) return output;
  mkdirSync(output, { recursive: true });
  for (const args of builds[what])
    goCommand(
      args.map((arg, index) => placed(arg, args[index - 1], output)),
      import.meta.dir,
    );
  writeFileSync(stamp, "");
  return output;
}

/** What follows `-o` is meant below the output directory. */
function placed(arg: string, before: string | undefined, output: string): string {
  if (before !== "-o") return arg;
  return arg === "./" ? `${output}/` : join(output, arg);
}

/** Other versions of a module are other programs. */
function versionKey(): string {
  const hash = createHash("sha256");
  for (const name of ["go.mod", "go.sum"]) hash.update(readFileSync(join(import.meta.dir, name)));
  return hash.digest("hex").slice(0, 12);
}

/** Outside the tree; a CI job without a home has its cache where Go's is then, too. */
function cacheDirectory(): string {
  const home = process.env.XDG_CACHE_HOME ?? join(process.env.HOME ?? "/", ".cache");
  try {
    mkdirSync(home, { recursive: true });
    accessSync(home, constants.W_OK);
    return join(home, "crib-tests", "kubernetes");
  } catch {
    return join(import.meta.dir, "../../build/kubernetes");
  }
}
