import { fromRoot } from "./paths.ts";
import { run } from "./run.ts";
import type { Step } from "./stamp.ts";

/** Runs buf and protoc-gen-es of node_modules: no network, no remote plugin. `prefix` is put before the configured path. */
export async function generate(prefix?: string): Promise<void> {
  const output = prefix === undefined ? [] : ["--output", prefix];
  await run([fromRoot("node_modules/.bin/buf"), "generate", ...output], { cwd: fromRoot("proto") });
}

/** proto/ → src/gen/, which is committed: a reader and an editor need it without a build. */
export function protoStep(): Step {
  return {
    name: "proto",
    inputs: ["proto/**/*", "src/gen/**/*.ts", "package-lock.json"],
    key: "buf generate",
    outputs: [
      "src/gen/runtime/v1/api_pb.ts",
      "src/gen/crib/v1/engine_pb.ts",
      "src/gen/containerd/services/version/v1/version_pb.ts",
      "src/gen/containerd/services/containers/v1/containers_pb.ts",
      "src/gen/containerd/services/tasks/v1/tasks_pb.ts",
      "src/gen/containerd/v1/types/task_pb.ts",
      "src/gen/containerd/task/v3/shim_pb.ts",
    ],
    work: () => generate(),
  };
}
