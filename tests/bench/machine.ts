import { readFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { cribBinary } from "../harness/crib-engine.ts";

/** One line that says where and with what the figures were made; `peers` is the directory of containerd and runc, where those were measured. */
export function machineLine(engines: readonly string[], peers: string | undefined): string {
  const model = cpus()[0]?.model.trim() ?? "unknown CPU";
  const distribution = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";
  const parts = [
    `${cpus().length} × ${model}`,
    `${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    `Linux ${release()}`,
    distribution,
  ];
  if (engines.includes("crib")) parts.push(firstLine([cribBinary(), "version"]));
  if (peers !== undefined)
    parts.push(firstLine([`${peers}/containerd`, "--version"]), firstLine([`${peers}/runc`, "--version"]));
  parts.push(`rcu_expedited ${readFileSync("/sys/kernel/rcu_expedited", "utf8").trim()}`);
  return parts.filter((part) => part !== "").join(" · ");
}

function firstLine(command: readonly string[]): string {
  const run = Bun.spawnSync([...command], { stderr: "ignore" });
  return (
    run.stdout
      .toString()
      .split("\n", 1)[0]
      ?.replace(/github\.com\/containerd\/containerd\S* /, "") ?? ""
  );
}
