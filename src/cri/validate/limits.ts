/** Largest request accepted, decoded or not; the kubelet's own limit for replies. */
export const maxRequestBytes = 16 * 1024 * 1024;

/** Kubernetes allows 253 + "/" + 63 for a label or annotation key; sysctls and cgroup files are shorter. */
export const maxMapKeyBytes = 1024;

export const maxListEntries = 16_384;

/** PATH_MAX with its NUL: every path, reference, id and name fits. */
const defaultStringBytes = 4096;

/** MAX_ARG_STRLEN of Linux: one argument or environment entry, NUL included. */
const argumentBytes = 128 * 1024 - 1;

/** Kubernetes bounds all annotations of an object together at 256 KiB. */
const annotationBytes = 256 * 1024;

/** Bearer tokens of cloud registries run to several KiB. */
const credentialBytes = 64 * 1024;

/** Fields that may hold more, by message and field. */
const limits: Readonly<Record<string, number>> = {
  "ContainerConfig.command": argumentBytes,
  "ContainerConfig.args": argumentBytes,
  "KeyValue.key": argumentBytes,
  "ExecSyncRequest.cmd": argumentBytes,
  "ExecRequest.cmd": argumentBytes,
  "PodSandboxConfig.annotations": annotationBytes,
  "ContainerConfig.annotations": annotationBytes,
  "ImageSpec.annotations": annotationBytes,
  "UpdateContainerResourcesRequest.annotations": annotationBytes,
  "AuthConfig.username": credentialBytes,
  "AuthConfig.password": credentialBytes,
  "AuthConfig.auth": credentialBytes,
  "AuthConfig.identity_token": credentialBytes,
  "AuthConfig.registry_token": credentialBytes,
  "PullRequest.username": credentialBytes,
  "PullRequest.password": credentialBytes,
};

/** Bytes of UTF-8 a string field may hold; `field` is "Message.field_name". */
export function stringLimit(field: string): number {
  return Object.hasOwn(limits, field) ? (limits[field] ?? defaultStringBytes) : defaultStringBytes;
}
