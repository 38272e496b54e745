import { create } from "@bufbuild/protobuf";
import type { LinuxContainerSecurityContext, LinuxSandboxSecurityContext } from "../../gen/runtime/v1/api_pb.ts";
import { LinuxContainerSecurityContextSchema, LinuxSandboxSecurityContextSchema } from "../../gen/runtime/v1/api_pb.ts";
import type { ContainerSecurityContext, SecurityContext } from "../../spec/security-context.ts";
import { cgroupMountModes, groupsPolicies } from "./enum-words.ts";
import { fromNamespaceOptions, toNamespaceOptions } from "./namespace-options.ts";
import { fromSecurityProfile, toSecurityProfile } from "./security-profile.ts";

export function toSecurityContext(
  message: LinuxSandboxSecurityContext | LinuxContainerSecurityContext,
): SecurityContext {
  const { selinuxOptions: selinux } = message;
  return {
    privileged: message.privileged,
    namespaceOptions: message.namespaceOptions && toNamespaceOptions(message.namespaceOptions),
    selinuxOptions: selinux && { user: selinux.user, role: selinux.role, type: selinux.type, level: selinux.level },
    runAsUser: message.runAsUser?.value,
    runAsGroup: message.runAsGroup?.value,
    readonlyRootfs: message.readonlyRootfs,
    supplementalGroups: [...message.supplementalGroups],
    supplementalGroupsPolicy: groupsPolicies.wordOf(message.supplementalGroupsPolicy),
    seccomp: message.seccomp && toSecurityProfile(message.seccomp),
    apparmor: message.apparmor && toSecurityProfile(message.apparmor),
    seccompProfilePath: message.seccompProfilePath,
  };
}

export function toContainerSecurityContext(message: LinuxContainerSecurityContext): ContainerSecurityContext {
  const { capabilities } = message;
  return {
    ...toSecurityContext(message),
    capabilities: capabilities && {
      addCapabilities: [...capabilities.addCapabilities],
      dropCapabilities: [...capabilities.dropCapabilities],
      addAmbientCapabilities: [...capabilities.addAmbientCapabilities],
    },
    runAsUsername: message.runAsUsername,
    noNewPrivs: message.noNewPrivs,
    maskedPaths: [...message.maskedPaths],
    readonlyPaths: [...message.readonlyPaths],
    apparmorProfile: message.apparmorProfile,
    cgroupMountMode: cgroupMountModes.wordOf(message.cgroupMountMode),
  };
}

/** The fields that both messages have. */
function common(context: SecurityContext) {
  return {
    privileged: context.privileged,
    namespaceOptions: context.namespaceOptions && fromNamespaceOptions(context.namespaceOptions),
    selinuxOptions: context.selinuxOptions,
    runAsUser: context.runAsUser === undefined ? undefined : { value: context.runAsUser },
    runAsGroup: context.runAsGroup === undefined ? undefined : { value: context.runAsGroup },
    readonlyRootfs: context.readonlyRootfs,
    supplementalGroups: [...context.supplementalGroups],
    supplementalGroupsPolicy: groupsPolicies.valueOf(context.supplementalGroupsPolicy),
    seccomp: context.seccomp && fromSecurityProfile(context.seccomp),
    apparmor: context.apparmor && fromSecurityProfile(context.apparmor),
    seccompProfilePath: context.seccompProfilePath,
  };
}

export function fromSecurityContext(context: SecurityContext): LinuxSandboxSecurityContext {
  return create(LinuxSandboxSecurityContextSchema, common(context));
}

export function fromContainerSecurityContext(context: ContainerSecurityContext): LinuxContainerSecurityContext {
  const { capabilities } = context;
  return create(LinuxContainerSecurityContextSchema, {
    ...common(context),
    capabilities: capabilities && {
      addCapabilities: [...capabilities.addCapabilities],
      dropCapabilities: [...capabilities.dropCapabilities],
      addAmbientCapabilities: [...capabilities.addAmbientCapabilities],
    },
    runAsUsername: context.runAsUsername,
    noNewPrivs: context.noNewPrivs,
    maskedPaths: [...context.maskedPaths],
    readonlyPaths: [...context.readonlyPaths],
    apparmorProfile: context.apparmorProfile,
    cgroupMountMode: cgroupMountModes.valueOf(context.cgroupMountMode),
  });
}
