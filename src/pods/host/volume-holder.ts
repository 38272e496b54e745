import type { ContainerId } from "../../ids/object-id.ts";

/** Whom the image store knows as the user of a container's image volume; a holder has one image. */
export function volumeHolder(container: ContainerId, index: number): string {
  return `${container}/volume-${index}`;
}

/** The container that a holder, its own or that of one of its volumes, stands for. */
export function containerOfHolder(holder: string): string {
  return holder.split("/", 1)[0] ?? holder;
}
