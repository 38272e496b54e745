import { applyCdiEdits } from "../../src/cdi/apply-edits.ts";
import { parseCdiFile } from "../../src/cdi/parse-cdi-file.ts";
import { parseHostPath } from "../../src/ids/path.ts";
import { parseHostsToml } from "../../src/images/registry/hosts/hosts-toml.ts";
import { formatReference, parseReference } from "../../src/images/registry/reference.ts";
import { parseGroup, parsePasswd } from "../../src/images/store/account-files.ts";
import { digestedDocument, NumberAsWritten, parseForeignJson } from "../../src/json/foreign-json.ts";
import { createLinuxKernel } from "../../src/kernel/linux/linux.ts";
import { LineSplitter } from "../../src/logs/line-splitter.ts";
import { parseLogLine } from "../../src/logs/parse-log-line.ts";
import { parseLogTime } from "../../src/logs/parse-log-time.ts";
import { buildContainerSpec } from "../../src/oci/container-spec.ts";
import { kernelSeccompProfile } from "../../src/oci/seccomp/kernel-profile.ts";
import { parseSeccompProfile } from "../../src/oci/seccomp/parse-profile.ts";
import { validateSysctls } from "../../src/oci/sysctls.ts";
import { setupPayload } from "../../src/runtime/native/monitor/requests.ts";
import { checkPlanFits } from "../../src/runtime/native/plan/check-plan-fits.ts";
import { compileContainerPlan } from "../../src/runtime/native/plan/compile-container.ts";
import { encodePlan } from "../../src/runtime/native/plan/encode.ts";
import { FrameKind } from "../../src/runtime/native/wire-numbers.ts";
import { fixtureHost, specInput } from "../fixtures/spec-input.ts";
import { type CJudge, judged } from "./c-judge.ts";

/** Reads text of strangers; throws what a reader may (CribError, ErrnoError) or, for a broken promise, anything else. */
export interface Parser {
  readonly name: string;
  readonly examples: readonly string[];
  /** @returns a word for what happened */
  read(bytes: Uint8Array, judge: () => CJudge): string;
}

const kernel = createLinuxKernel();
const baseSpec = buildContainerSpec(specInput({}));
const container = "/var/lib/crib/containers/c";
const maxFilterInstructions = 65_535;

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function promise(kept: boolean, what: string): void {
  if (!kept) throw new Error(what);
}

function readReference(bytes: Uint8Array): string {
  const reference = parseReference(text(bytes));
  const written = formatReference(reference);
  promise(Bun.deepEquals(parseReference(written), reference), `${written} is read as something else`);
  promise(/^[A-Za-z0-9.:[\]-]+$/.test(reference.domain), "a registry host of other characters");
  promise(/^[a-z0-9._/-]+$/.test(reference.path) && !reference.path.includes(".."), "a path of other characters");
  return `tag ${reference.tag !== undefined} digest ${reference.digest !== undefined}`;
}

function readHosts(bytes: Uint8Array): string {
  const endpoints = parseHostsToml(text(bytes), "/nonexistent/registry.example", "registry.example");
  promise(endpoints.length > 0, "no endpoint at all");
  promise(
    endpoints.every(({ origin }) => /^https?:\/\/[^/?#@]+$/.test(origin)),
    "an origin that is more than one",
  );
  return `${Math.min(endpoints.length, 4)} endpoints ${endpoints.map(({ isUpstream }) => isUpstream).slice(0, 4)}`;
}

function readPasswd(bytes: Uint8Array): string {
  const users = parsePasswd(text(bytes));
  const written = users.map(({ name, uid, gid, home }) => `${name}:x:${uid}:${gid}::${home}:`).join("\n");
  promise(Bun.deepEquals(parsePasswd(written), users), "users are read as others");
  return `${Math.min(users.length, 4)} users`;
}

function readGroup(bytes: Uint8Array): string {
  const groups = parseGroup(text(bytes));
  const written = groups.map(({ name, gid, members }) => `${name}:x:${gid}:${members.join()}`).join("\n");
  promise(Bun.deepEquals(parseGroup(written), groups), "groups are read as others");
  return `${Math.min(groups.length, 4)} groups`;
}

function readSeccomp(bytes: Uint8Array): string {
  const { architecture, kernelVersion } = fixtureHost;
  const profile = parseSeccompProfile(text(bytes), "fuzz.json", { architecture, kernelVersion, capabilities: [] });
  const program = kernel.compileSeccomp(kernelSeccompProfile(profile));
  promise(program.length % 8 === 0 && program.length > 0, "half an instruction");
  promise(program.length / 8 <= maxFilterInstructions, "a filter no kernel takes");
  return `filter ${profile.defaultAction} ${Math.ceil(Math.log2(program.length))}`;
}

function readCdi(path: string, bytes: Uint8Array, judge: () => CJudge): string {
  const file = parseCdiFile(path, text(bytes));
  const edits = [...(file.containerEdits ? [file.containerEdits] : []), ...file.devices.map((d) => d.containerEdits)];
  const node = { type: "c", major: 1, minor: 3, mode: 0o666 } as const;
  const spec = applyCdiEdits(baseSpec, edits, () => node);
  checkPlanFits(spec);
  const plan = compileContainerPlan({
    spec,
    rootfs: {
      lower: [parseHostPath("/layer")],
      upper: parseHostPath(`${container}/upper`),
      work: parseHostPath(`${container}/work`),
      attachAt: parseHostPath(`${container}/rootfs`),
    },
    procsFiles: [],
    cgroupMounts: [],
    seccompProgram: undefined,
    pidNamespace: { kind: "own" },
    bundle: { id: "c", directory: parseHostPath(container) },
  });
  promise(judge().accepts(judged.plan(encodePlan(plan))), "the monitor refuses the plan");
  return [...new Set(plan.steps.map(({ kind }) => kind))].sort().join();
}

function readLog(bytes: Uint8Array): string {
  const whole = linesOf(bytes, bytes.length || 1);
  promise(Bun.deepEquals(linesOf(bytes, 7), whole), "lines depend on how they arrive");
  const words = whole.map((hex) => {
    const line = parseLogLine(new Uint8Array(Buffer.from(hex, "hex")));
    if (line === undefined) return "no line";
    promise(line.content.length < hex.length / 2, "more content than there is");
    return `${line.stream} ${line.partial} ${parseLogTime(line.timestamp) !== undefined}`;
  });
  return [...new Set(words)].sort().join();
}

function linesOf(bytes: Uint8Array, size: number): readonly string[] {
  const splitter = new LineSplitter();
  const lines: string[] = [];
  const keep = (line: Uint8Array): void => void lines.push(Buffer.from(line).toString("hex"));
  for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.subarray(at, at + size), keep);
  splitter.end(keep);
  return lines;
}

function readSysctls(bytes: Uint8Array, judge: () => CJudge): string {
  const pairs = text(bytes)
    .split("\n")
    .map((line) => line.split("=", 2) as [string, string]);
  const requested = Object.fromEntries(pairs.map(([key, value]) => [key, value ?? ""]));
  const sysctls = validateSysctls(requested, { hostNetwork: false, hostIpc: false });
  for (const { key, value } of sysctls) {
    promise(/^(?:net|kernel|fs\/mqueue)\/[^\0\n]+$/.test(key), `key ${key}`);
    promise(!key.split("/").some((part) => part === "" || part === "." || part === ".."), `a key that climbs: ${key}`);
    promise(!/[\0\n]/.test(value), "a value of two lines");
  }
  const setup = { unshare: 0, hostname: undefined, loopback: true, pidInit: false, sysctls };
  promise(judge().accepts(judged.request(FrameKind.setup, setupPayload(setup))), "the monitor refuses the setup");
  return `${Math.min(sysctls.length, 4)} sysctls`;
}

/** The document with all its numbers as JSON.parse has them. */
function withNumbers(value: unknown): unknown {
  if (value instanceof NumberAsWritten) return Number(value.source);
  if (Array.isArray(value)) return value.map(withNumbers);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withNumbers(inner)]));
}

function readJson(bytes: Uint8Array): string {
  const value = parseForeignJson(bytes, "document", digestedDocument);
  promise(Bun.deepEquals(withNumbers(value), JSON.parse(text(bytes))), "JSON.parse reads something else");
  return `a ${Array.isArray(value) ? "list" : typeof value}`;
}

const cdi = {
  cdiVersion: "0.7.0",
  kind: "vendor.com/gpu",
  devices: [
    {
      name: "0",
      containerEdits: {
        env: ["A=1"],
        deviceNodes: [{ path: "/dev/gpu0", hostPath: "/dev/gpu", type: "c", fileMode: 432, permissions: "rw" }],
        mounts: [{ hostPath: "/lib/gpu", containerPath: "/lib/gpu", options: ["ro", "bind"], type: "bind" }],
        hooks: [{ hookName: "createContainer", path: "/bin/hook", args: ["hook", "x"], env: ["B=2"], timeout: 5 }],
        additionalGids: [44],
      },
    },
  ],
  containerEdits: { env: ["C=3"] },
};
const yaml = `cdiVersion: "0.6.0"\nkind: vendor.com/net\ndevices:\n- name: a\n  containerEdits:\n    deviceNodes:\n    - path: /dev/a\n      fileMode: 0660\n`;
const seccomp = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 38,
  archMap: [{ architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86"] }],
  flags: ["SECCOMP_FILTER_FLAG_LOG"],
  syscalls: [
    { names: ["read", "write"], action: "SCMP_ACT_ALLOW" },
    {
      names: ["personality"],
      action: "SCMP_ACT_ALLOW",
      args: [{ index: 0, value: 8, valueTwo: 1, op: "SCMP_CMP_MASKED_EQ" }],
      includes: { minKernel: "4.8", arches: ["amd64"] },
      excludes: { caps: ["CAP_SYS_ADMIN"] },
    },
  ],
};
const hosts = `server = "https://registry.example"\n[host."http://mirror.local:5000/v2"]\ncapabilities = ["pull", "resolve"]\nskip_verify = true\ndial_timeout = "1m30s"\noverride_path = true\n[host."http://mirror.local:5000/v2".header]\nx = ["a", "b"]\n`;
const log = "2026-01-02T03:04:05.000000001Z stdout P begin\n2026-01-02T03:04:05.1+02:00 stderr F:x end\n";

/** By the first byte of the input. */
export const parsers: readonly Parser[] = [
  {
    name: "reference",
    examples: ["busybox", "[::1]:5000/a/b__c:1.2", `quay.io/x/y:t@sha256:${"a".repeat(64)}`],
    read: readReference,
  },
  { name: "hosts.toml", examples: [hosts, ""], read: readHosts },
  { name: "passwd", examples: ["root:x:0:0:root:/root:/bin/sh\n+nis::::::\nweb:x:1000:1000::/:\n"], read: readPasswd },
  { name: "group", examples: ["root:x:0:\naudio:x:29:web,other\n"], read: readGroup },
  { name: "seccomp", examples: [JSON.stringify(seccomp)], read: readSeccomp },
  { name: "cdi.json", examples: [JSON.stringify(cdi)], read: (bytes, judge) => readCdi("a.json", bytes, judge) },
  { name: "cdi.yaml", examples: [yaml], read: (bytes, judge) => readCdi("a.yaml", bytes, judge) },
  { name: "log", examples: [log], read: readLog },
  {
    name: "sysctls",
    examples: ["net.ipv4.ip_forward=1\nkernel/shm_rmid_forced=1\nnet.ipv4.conf.eth0/1.x=0", "fs.mqueue.msg_max=5"],
    read: readSysctls,
  },
  { name: "json", examples: ['{"a":[1,"\\u0061",{"b":null}],"c":true}'], read: readJson },
];
