import type { Brand } from "../ids/brand.ts";

/** An absolute path of the host as the request writes it; `parseHostPath` makes one of it that can be used. */
export type RequestedHostPath = Brand<string, "RequestedHostPath">;
/** An absolute path inside the container as the request writes it, so never one of the host. */
export type RequestedContainerPath = Brand<string, "RequestedContainerPath">;
