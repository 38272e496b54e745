import { z } from "zod";
import { isCdiDevicePart, isCdiKind } from "./device-name.ts";

const absolutePath = z.string().regex(/^\/[^\0]*$/, "is not an absolute path");
/** An environment entry: anything with a name, and no byte that would end it early. */
const environmentEntry = z.string().regex(/^[^=\0]+=[^\0]*$/, "is not NAME=value");
const annotations = z.record(z.string(), z.string()).nullish();
const id = z.int().min(0).max(4_294_967_294);

const deviceNode = z.strictObject({
  path: absolutePath,
  hostPath: absolutePath.nullish(),
  type: z.enum(["", "b", "c", "u", "p"]).nullish(),
  major: z.int().min(0).max(4095).nullish(),
  minor: z.int().min(0).max(1_048_575).nullish(),
  fileMode: z.int().min(0).max(0o777, "has more bits than permissions: write 0o660 or 432, not 660").nullish(),
  permissions: z
    .string()
    .regex(/^[rwm]{0,3}$/, 'is not made of "r", "w" and "m"')
    .nullish(),
  uid: id.nullish(),
  gid: id.nullish(),
});

const mount = z.strictObject({
  hostPath: z.string().min(1),
  containerPath: absolutePath,
  type: z.string().nullish(),
  options: z.array(z.string()).nullish(),
});

const hookNames = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;

const hook = z.strictObject({
  hookName: z.enum(hookNames),
  path: absolutePath,
  args: z.array(z.string()).nullish(),
  env: z.array(environmentEntry).nullish(),
  timeout: z.int().min(0).nullish(),
});

const intelRdt = z.strictObject({
  closID: z.string().nullish(),
  l3CacheSchema: z.string().nullish(),
  memBwSchema: z.string().nullish(),
  schemata: z.array(z.string()).nullish(),
  enableMonitoring: z.boolean().nullish(),
  enableCMT: z.boolean().nullish(),
  enableMBM: z.boolean().nullish(),
});

const edits = z.strictObject({
  env: z.array(environmentEntry).nullish(),
  deviceNodes: z.array(deviceNode).nullish(),
  netDevices: z.array(z.strictObject({ hostInterfaceName: z.string(), name: z.string() })).nullish(),
  mounts: z.array(mount).nullish(),
  hooks: z.array(hook).nullish(),
  intelRdt: intelRdt.nullish(),
  additionalGids: z.array(id).nullish(),
});

export const cdiFileSchema = z.strictObject({
  cdiVersion: z.string(),
  kind: z.string().refine(isCdiKind, "is not vendor/class"),
  annotations,
  devices: z
    .array(
      z.strictObject({
        name: z.string().refine(isCdiDevicePart, "is not a device name"),
        annotations,
        containerEdits: edits,
      }),
    )
    .min(1, "are none: a file without a device describes nothing"),
  containerEdits: edits.nullish(),
});

/** A CDI file as it is written, checked: https://github.com/cncf-tags/container-device-interface, SPEC.md 1.1. */
export type CdiFile = z.infer<typeof cdiFileSchema>;
export type CdiEdits = z.infer<typeof edits>;
export type CdiDeviceNode = z.infer<typeof deviceNode>;
export type CdiMount = z.infer<typeof mount>;
export type CdiHook = z.infer<typeof hook>;
