import * as pulumi from "@pulumi/pulumi";
import { BackupStore } from "../src/base/backup-store";
import { accessKeyOf } from "../src/base/backups/store";
import { BACKUP_CLIENTS } from "../src/base/backups/files";
import { GitServices } from "../src/base/git-services";
import { LoadBalancerPair } from "../src/base/load-balancers/load-balancer-pair";
import { LOAD_BALANCER_GROUPS } from "../src/base/load-balancers/routes";
import { SecretsManager } from "../src/base/secrets-manager";
import type { PlatformSecrets } from "../src/config/load";
import type { PlatformConfig } from "../src/config/schema";
import type { PlannedMachine, PlatformPlan } from "../src/plan/platform-plan";
import type { ServiceHost } from "../src/remote/managed-service";
import type { Machines } from "./1-machines";

export interface BaseServicesArgs {
  readonly config: PlatformConfig;
  readonly secrets: PlatformSecrets;
  readonly plan: PlatformPlan;
  readonly machines: Machines;
}

/** Layer 2: what the clusters need before they exist. Each service starts as soon as its own machine is verified. */
export class BaseServices extends pulumi.ComponentResource {
  public readonly loadBalancers: readonly LoadBalancerPair[];
  public readonly gitServices: GitServices;
  public readonly secretsManager: SecretsManager;
  public readonly backups: BackupStore;

  constructor(name: string, args: BaseServicesArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:layer:BaseServices", name, {}, opts);
    const { config, secrets, plan, machines } = args;
    const { authority } = machines;
    const hosts: ReadonlyMap<string, ServiceHost> = new Map([...machines.machines].map(([each, machine]) => [each, machine.host]));
    const on = (group: PlannedMachine["group"]): { machine: PlannedMachine; host: ServiceHost } => {
      const machine = plan.machines.find((each) => each.group === group);
      const host = machine === undefined ? undefined : hosts.get(machine.name);
      if (machine === undefined || host === undefined) throw new RangeError(`the plan has no machine of group ${group}`);
      return { machine, host };
    };

    this.loadBalancers = LOAD_BALANCER_GROUPS.map(
      (group) => new LoadBalancerPair(group, { config, plan, group, hosts, authority }, { parent: this }),
    );
    this.backups = new BackupStore("backup-store", { config, ...on("monitoring"), authority }, { parent: this });
    this.gitServices = new GitServices(
      "git-services",
      { config, plan, ...on("gitops"), authority, backups: this.backups },
      { parent: this },
    );
    this.secretsManager = new SecretsManager(
      "secrets-manager",
      { config, secrets, ...on("vault"), authority, backups: this.backups },
      { parent: this },
    );
    this.keepCredentials();
    this.registerOutputs({});
  }

  private keepCredentials(): void {
    const { gitServices, secretsManager, backups } = this;
    for (const [username, password] of Object.entries(gitServices.registryAccounts)) {
      secretsManager.keep(`registry/${username}`, { username, password });
    }
    for (const [username, password] of Object.entries(gitServices.gitAccounts)) {
      secretsManager.keep(`gogs/${username}`, { username, password });
    }
    for (const client of BACKUP_CLIENTS) {
      secretsManager.keep(`backup-store/${client}`, { accessKey: accessKeyOf(client), secretKey: backups.secretKeys[client] });
    }
    secretsManager.keep("backup-store/administrator", {
      accessKey: "backup-administrator",
      secretKey: backups.administratorSecretKey,
    });
    secretsManager.keep("backups/passwords", { gogs: gitServices.backupPassword, vault: secretsManager.backupPassword });
  }
}
