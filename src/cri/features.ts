/**
 * What this runtime really does, in the words of Status: the kubelet and the scheduler refuse or place pods by it, so a
 * feature is named here only once its behaviour is there.
 */
export const handlerFeatures = {
  /** `mount_setattr(AT_RECURSIVE)`, kernel 5.12 and later. */
  recursiveReadOnlyMounts: true,
  userNamespaces: false,
} as const;

export const runtimeFeatures = {
  supplementalGroupsPolicy: true,
  userNamespacesHostNetwork: false,
  /** noexec, nodev, nosuid a mount. */
  mountOptions: true,
} as const;
