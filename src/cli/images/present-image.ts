import type { CliIo } from "../program/cli-io.ts";
import type { DaemonClient } from "../program/client.ts";
import { pullImage } from "./pull-image.ts";

/** Pulls only what is missing. @returns the image's id: the tag may move before the container is made. */
export async function presentImage(
  io: CliIo,
  daemon: DaemonClient,
  reference: string,
  display: Parameters<typeof pullImage>[3],
): Promise<string> {
  const { image } = await daemon.images.imageStatus({ image: { image: reference } });
  if (image !== undefined) return image.id;
  return await pullImage(io, daemon, { reference, username: "", password: "" }, display);
}
