import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PlatformConfig } from "../config/schema";
import { ConfigError } from "../config/problems";
import { renderedBaseFiles } from "../base/rendered";
import { renderedClusterFiles } from "../clusters/rendered";
import { renderMetadata, renderUserData } from "../machines/cloud-init";
import { preparationFiles } from "../machines/preparation/files";
import type { PlatformPlan } from "../plan/platform-plan";

/** A rendered file by its path under the output folder. */
export interface RenderedFile {
  readonly path: string;
  readonly content: string;
}

/** Stands for what the program generates or keeps secret. */
const PLACEHOLDERS = {
  deployPublicKey: "ssh-ed25519 <generated: deploy-key>",
  hostPublicKey: "ssh-ed25519 <generated: host-key>",
  hostPrivateKey: "<secret: host-key>",
  rootCertificate: "<generated: root-certificate>\n",
};

/** Every file that any machine will receive, from the functions that feed `pulumi up`. */
export function renderedFiles(config: PlatformConfig, plan: PlatformPlan): readonly RenderedFile[] {
  return plan.machines.flatMap((machine) => {
    const base = `machines/${machine.name}`;
    return [
      { path: `${base}/cloud-init/user-data`, content: renderUserData(machine, PLACEHOLDERS) },
      { path: `${base}/cloud-init/metadata`, content: renderMetadata(config, machine) },
      ...[
        ...preparationFiles(config, plan, machine, PLACEHOLDERS),
        ...renderedBaseFiles(config, plan, machine, PLACEHOLDERS.rootCertificate),
        ...renderedClusterFiles(config, plan, machine),
      ].map(({ path, content }) => ({ path: `${base}${path}`, content })),
    ];
  });
}

/** Marks a folder as written by render, so that the next run may empty it. */
const MARK = ".rendered-by-platform";

/** Writes the tree anew and says what it wrote. @throws ConfigError when the folder holds something else. */
export function renderPlatform(config: PlatformConfig, plan: PlatformPlan, out: string): string {
  if (existsSync(out) && readdirSync(out).length > 0) {
    if (!existsSync(join(out, MARK))) {
      throw new ConfigError("the command line", [
        { path: "--out", message: `${out} holds files that render did not write`, remedy: "Name a new or empty folder" },
      ]);
    }
    rmSync(out, { recursive: true });
  }
  const files = renderedFiles(config, plan);
  for (const file of [{ path: MARK, content: "" }, ...files]) {
    const path = join(out, file.path);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.content);
  }
  return `${files.length} files for ${plan.machines.length} machines in ${out}`;
}
