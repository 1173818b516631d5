import * as pulumi from "@pulumi/pulumi";
import type { VirtualMachineDisk } from "@pulumi/vsphere";

/** Label of the disk that holds a machine's data. */
export const DATA_DISK = "data";

function hasDataDisk(inputs: unknown): boolean {
  const { disks } = (inputs ?? {}) as { disks?: readonly VirtualMachineDisk[] };
  return disks?.some((disk) => disk.label === DATA_DISK) === true;
}

/**
 * Refuses, in the preview already, an edit that would take a machine's data disk away while it runs: 100 to 500 users does.
 * @param migrated machines whose data the operator states to have moved.
 */
export function dataDiskGuard(migrated: readonly string[]): pulumi.ResourceHook {
  return new pulumi.ResourceHook(
    "keep-data-disks",
    ({ name, oldInputs, newInputs }) => {
      if (!hasDataDisk(oldInputs) || hasDataDisk(newInputs) || migrated.includes(name)) return;
      throw new Error(
        `${name}: this edit would take its data disk away while it runs, with everything on it. ` +
          "Move the data first (docs/operations.md, Migration), then state it: " +
          `pulumi config set --path 'platform:confirmations.migrated[${migrated.length}]' ${name}`,
      );
    },
    { onDryRun: true },
  );
}
