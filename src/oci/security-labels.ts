import { assertNever } from "../errors/assert-never.ts";
import { failedPrecondition, invalidArgument } from "../errors/crib-error.ts";
import type { ContainerSecurityContext, SecurityContext } from "../spec/security-context.ts";
import type { HostFacts } from "./host-facts.ts";

/** What a request says about AppArmor. */
export type AppArmorWish =
  | { readonly kind: "unconfined" }
  /** `asked`: by name. Who says nothing gets the same profile where it can be had, as other engines do. */
  | { readonly kind: "default"; readonly asked: boolean }
  | { readonly kind: "localhost"; readonly name: string };

/**
 * What is asked for must be enforceable: running with less would be found out by an attacker first. Privileged is unconfined, unless
 * a profile of the host's is named.
 *
 * @throws {CribError} failed-precondition when a profile is asked for and the kernel has no AppArmor, invalid-argument for a
 * malformed name.
 */
export function apparmorWish(security: ContainerSecurityContext | undefined, host: HostFacts): AppArmorWish {
  const wish = requestedProfile(security);
  if (wish.kind === "default" && security?.privileged === true) return { kind: "unconfined" };
  if (host.apparmor || wish.kind === "unconfined") return wish;
  if (wish.kind === "default" && !wish.asked) return { kind: "unconfined" };
  const name = wish.kind === "default" ? runtimeDefault : wish.name;
  throw failedPrecondition(
    `AppArmor profile ${JSON.stringify(name)} is asked for, but AppArmor is not enabled on this host`,
  );
}

/** What a pod or container says of SELinux; a message without a word in it says nothing. */
type SelinuxWish = Pick<SecurityContext, "selinuxOptions"> | undefined;

/** Whether a label is named, in whole or in part. */
export function namesSelinuxLabel(security: SelinuxWish): boolean {
  const options = security?.selinuxOptions;
  return options !== undefined && [options.user, options.role, options.type, options.level].some((part) => part !== "");
}

/**
 * crib brings no policy of its own, so a requested label must be one the host's policy knows. Where the kernel has no SELinux a
 * label says nothing, well-formed or not: the same workload runs on hosts with it and without (as with other engines).
 *
 * @throws {CribError} invalid-argument for a malformed label.
 */
export function selinuxLabel(security: SelinuxWish, host: Pick<HostFacts, "selinux">): string | undefined {
  const options = security?.selinuxOptions;
  if (options === undefined || !namesSelinuxLabel(security) || !host.selinux) return undefined;
  const label = [
    options.user || "system_u",
    options.role || "system_r",
    options.type || "container_t",
    options.level || "s0",
  ].join(":");
  if (!/^[A-Za-z0-9_.:,-]+$/.test(label))
    throw invalidArgument(`SELinux label ${JSON.stringify(label.slice(0, 120))} is malformed`);
  return label;
}

/** The label of files that a process of `processLabel` may use: user:role:type:level → the same user and level, as containers' files. */
export function selinuxFileLabel(processLabel: string): string {
  const [user = "", , , ...level] = processLabel.split(":");
  return `${user}:object_r:container_file_t:${level.join(":")}`;
}

/** How Kubernetes writes it; no profile's name in the kernel begins so. */
const runtimeDefault = "runtime/default";

function requestedProfile(security: ContainerSecurityContext | undefined): AppArmorWish {
  const profile = security?.apparmor;
  if (profile !== undefined) {
    switch (profile.kind) {
      case "localhost":
        return { kind: "localhost", name: localName(profile.reference) };
      case "runtime-default":
        return { kind: "default", asked: true };
      case "unconfined":
        return { kind: "unconfined" };
      case "oci":
        throw invalidArgument("AppArmor profiles do not come from registries: type OCI is for seccomp only");
      default:
        return assertNever(profile, "AppArmor profile type");
    }
  }
  const deprecated = security?.apparmorProfile ?? "";
  if (deprecated === "") return { kind: "default", asked: false };
  if (deprecated === "unconfined") return { kind: "unconfined" };
  if (deprecated === runtimeDefault) return { kind: "default", asked: true };
  if (!deprecated.startsWith("localhost/"))
    throw invalidArgument(`AppArmor profile ${JSON.stringify(deprecated.slice(0, 120))} is malformed`);
  return { kind: "localhost", name: localName(deprecated) };
}

function localName(reference: string): string {
  const name = reference.replace(/^localhost\//, "");
  if (!/^[^\s\p{Cc}]{1,255}$/u.test(name))
    throw invalidArgument(`AppArmor profile ${JSON.stringify(name.slice(0, 120))} is malformed`);
  return name;
}
