import { assertNever } from "../../../errors/assert-never.ts";
import { deviceTypes, plan as header, lsms, pidNamespaces, propagations } from "../wire-numbers.ts";
import { stepKinds } from "./step-kinds.ts";
import type { LaunchPlan, PlanStep } from "./steps.ts";
import { WireWriter } from "./wire-writer.ts";

/**
 * The plan as ffi/init/ reads it; the layout is drawn in ffi/wire/plan.h.
 *
 * @throws {CribError} invalid-argument for a string with a NUL byte.
 */
export function encodePlan(plan: LaunchPlan): Uint8Array {
  const out = new WireWriter();
  out
    .u32(header.magic)
    .u16(header.version)
    .u8(pidNamespaces[plan.pidNamespace.kind])
    .bool(plan.join !== undefined);
  out.u64(BigInt(plan.cloneFlags >>> 0));
  out.u32(plan.pidNamespace.kind === "process" ? plan.pidNamespace.pid : 0);
  out.u32(plan.join?.pid ?? 0).u32(plan.join?.namespaces ?? 0);
  out.u32(plan.steps.length);
  for (const step of plan.steps) {
    out.u16(stepKinds[step.kind]).u16(0);
    const length = out.placeU32();
    const start = out.length;
    writePayload(out, step);
    out.patchU32(length, out.length - start);
  }
  return out.written();
}

function writePayload(out: WireWriter, step: PlanStep): WireWriter {
  switch (step.kind) {
    case "join-cgroup":
      return out.string(step.procsFile);
    case "oom-score-adj":
      return out.u32(step.value);
    case "join-namespace":
      return out.string(step.path).u32(step.nsType);
    case "unshare":
      return out.u64(BigInt(step.flags >>> 0));
    case "hostname":
    case "session-keyring":
      return out.string(step.name);
    case "rlimit":
      return out.u32(step.resource).u64(step.soft).u64(step.hard);
    case "open-source":
      return out.u32(step.slot).string(step.path).bool(step.recursive);
    case "root-propagation":
      return out.u8(propagations[step.propagation]);
    case "idmap-source":
      return out.u32(step.slot);
    case "open-image":
      out.u32(step.slot).strings(step.lower).string(step.staging);
      return out.string(step.path).bool(step.idmapped);
    case "copy-up":
      return out.u32(step.slot).string(step.path).bool(step.onTmpfs).strings(step.options);
    case "enter-user-namespace":
      return out.u64(BigInt(step.flags >>> 0));
    case "stdio-owner":
      return out.u32(step.uid);
    case "rootfs":
    case "idmapped-rootfs":
      return writeRootfs(out, step);
    case "mount":
      return writeMount(out, step);
    case "bind":
      return writeBind(out, step);
    case "device":
      return writeDevice(out, step);
    case "symlink":
      return out.string(step.target).string(step.path);
    case "console":
    case "pivot":
    case "read-only-root":
    case "no-new-privileges":
      return out;
    case "mask":
    case "read-only":
      return out.string(step.path);
    case "sysctl":
      return out.string(step.key).string(step.value);
    case "umask":
      return out.u32(step.mask);
    case "lsm-label":
      return out.u8(lsms[step.lsm]).string(step.label);
    case "user":
      return writeUser(out, step);
    case "capabilities":
      return writeCapabilities(out, step);
    case "seccomp":
      return out.bytes(step.program).u32(step.flags);
    case "working-directory":
      return out.string(step.path).bool(step.create);
    case "hook":
      return writeHook(out, step);
    case "runtime":
      return writeRuntime(out, step);
    case "shim-start":
      return writeShimStart(out, step);
    case "shim":
      return writeShim(out, step);
    case "exec":
      return out.strings(step.argv).strings(step.env);
    default:
      return assertNever(step, "plan step");
  }
}

type Step<Kind extends PlanStep["kind"]> = Extract<PlanStep, { readonly kind: Kind }>;

function writeRootfs(out: WireWriter, step: Step<"rootfs" | "idmapped-rootfs">): WireWriter {
  out.strings(step.lower);
  out.string(step.upper ?? "").string(step.work ?? "");
  return out.string(step.attachAt).strings(step.options);
}

function writeMount(out: WireWriter, step: Step<"mount">): WireWriter {
  out.string(step.fsType).string(step.source).string(step.target);
  return out.u64(BigInt(step.attributes)).strings(step.options);
}

function writeBind(out: WireWriter, step: Step<"bind">): WireWriter {
  out.u32(step.slot).string(step.target);
  return out.u64(BigInt(step.attributes)).bool(step.recursive).u8(propagations[step.propagation]);
}

function writeDevice(out: WireWriter, step: Step<"device">): WireWriter {
  out.string(step.path).u8(deviceTypes[step.type]);
  return out.u32(step.major).u32(step.minor).u32(step.mode).u32(step.uid).u32(step.gid);
}

function writeHook(out: WireWriter, step: Step<"hook">): WireWriter {
  out.string(step.path).strings(step.argv).strings(step.env);
  return out.bytes(step.state).u32(step.timeoutSeconds);
}

function writeRuntime(out: WireWriter, step: Step<"runtime">): WireWriter {
  out.string(step.bundle).strings(step.create).strings(step.start).strings(step.env);
  return out.string(step.pidFile).bool(step.terminal).u32(step.timeoutSeconds);
}

function writeShimStart(out: WireWriter, step: Step<"shim-start">): WireWriter {
  out.string(step.bundle).strings(step.argv).strings(step.env);
  return out.string(step.input).string(step.output).string(step.errors).u32(step.timeoutSeconds);
}

const none = new Uint8Array(0);

function writeShim(out: WireWriter, step: Step<"shim">): WireWriter {
  out.string(step.bundle).string(step.socket).string(step.root);
  out.bytes(step.create).bytes(step.start).bytes(step.wait).bytes(step.end);
  out.bytes(step.closeStdin ?? none).bytes(step.resize ?? none);
  return out.u32(step.timeoutSeconds);
}

function writeUser(out: WireWriter, step: Step<"user">): WireWriter {
  out.u32(step.uid).u32(step.gid).u32(step.groups.length);
  for (const group of step.groups) out.u32(group);
  return out;
}

function writeCapabilities(out: WireWriter, step: Step<"capabilities">): WireWriter {
  return out.u64(step.bounding).u64(step.effective).u64(step.permitted).u64(step.inheritable).u64(step.ambient);
}
