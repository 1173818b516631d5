import { z } from "zod";
import { isDnsLabel, isDomain } from "../network/dns";
import { isIpv4, parseCidr } from "../network/ipv4";
import { ROTATABLE } from "./credentials";
import { ARTIFACT_NAMES, VERSION_NAMES } from "./versions";

/**
 * What the stack file may say under `platform:`.
 *
 * Each description does three jobs: it is the editor's help, the limit in an error ("expected ...") and, with the
 * example, the way out ("for example ..."). So it reads as what the value must be, and carries its unit.
 */

/** RKE2's own choice for the networks inside a cluster. */
export const USUAL_NETWORKS = { podNetwork: "10.42.0.0/16", serviceNetwork: "10.43.0.0/16" };

const MAX_USERS = 10000;
const MAX_PORT = 65535;

/** Something to read, on one line: control characters would travel into files and commands. */
function isLine(value: string): boolean {
  return value.trim() !== "" && !/[\p{Cc}]/u.test(value);
}

function text(description: string, example: string, holds: (value: string) => boolean = isLine): z.ZodString {
  return z
    .string()
    .refine(holds)
    .meta({ description, examples: [example] });
}

function whole(description: string, example: number, min: number, max: number): z.ZodNumber {
  return z
    .number()
    .int()
    .min(min)
    .max(max)
    .meta({ description, examples: [example] });
}

const address = (what: string, example = "192.0.2.1"): z.ZodString => text(`${what}, an IPv4 address`, example, isIpv4);
const network = (what: string, example = "192.0.2.0/24"): z.ZodString =>
  text(`${what}, an IPv4 network in its canonical form`, example, (value) => parseCidr(value) !== undefined);
const hostOrAddress = (what: string): z.ZodString =>
  text(`${what}, a host name or an IPv4 address`, "db.example.org", (value) => isIpv4(value) || isDnsLabel(value) || isDomain(value));
const port = (what: string, example: number): z.ZodNumber => whole(`${what}, a port from 1 to ${MAX_PORT}`, example, 1, MAX_PORT);

const PEM_CERTIFICATE = /^-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\s*$/;
const certificates = (what: string): z.ZodString =>
  text(`${what}, one or more certificates in PEM`, "-----BEGIN CERTIFICATE-----...", (value) => PEM_CERTIFICATE.test(value.trim()));

/** Names that would meet an account or a group of the system. */
const RESERVED_ACCOUNTS =
  "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc gnats nobody sshd sudo adm tty disk dialout fax voice cdrom floppy tape audio dip operator src shadow utmp video sasl plugdev staff users nogroup input sgx kvm render crontab messagebus deploy etcd vault haproxy keepalived chrony".split(
    " ",
  );
const accountName = text(
  "an account name of up to 32 lower-case letters, digits, _ and -, none that a system account or group has (root, deploy, backup, ...)",
  "alice",
  (value) =>
    /^[a-z][a-z0-9_-]{0,31}$/.test(value) &&
    !value.startsWith("systemd-") &&
    !value.startsWith("platform-") &&
    !RESERVED_ACCOUNTS.includes(value),
);
const sshPublicKey = text("an SSH public key in authorized_keys form (ed25519, ECDSA or RSA)", "ssh-ed25519 AAAAC3... alice", (value) =>
  /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-ssh-ed25519@openssh\.com) [A-Za-z0-9+/]{40,}={0,3}( [^\n]*)?$/.test(value),
);

const zone = z.strictObject({
  cidr: network("the zone's network"),
  gateway: address("the zone's router"),
  dns: z
    .array(address("a name server", "192.0.2.2"))
    .min(1)
    .max(3)
    .meta({
      description: "one to three name servers, IPv4 addresses",
      examples: [["192.0.2.2"]],
    }),
  ntp: z
    .array(hostOrAddress("a time server"))
    .min(1)
    .meta({ description: "one time server or more", examples: [["192.0.2.3"]] }),
  portGroup: text("the hypervisor's network (port group) for this zone", "VLAN-110-LAN"),
  pool: z.strictObject({
    from: address("the first address the platform may use here", "192.0.2.20"),
    to: address("the last address the platform may use here", "192.0.2.200"),
  }),
});

const vsphere = z.strictObject({
  kind: z.literal("vsphere").meta({ description: "the hypervisor, vsphere", examples: ["vsphere"] }),
  server: hostOrAddress("vCenter"),
  user: text("the vCenter account the program uses", "platform@vsphere.local"),
  datacenter: text("a datacenter's name in vCenter", "DC1"),
  cluster: text("a compute cluster's name in vCenter", "CL1"),
  datastore: text("a datastore's name in vCenter", "DS1"),
  template: text("the template every machine is cloned from, its path in the datacenter's inventory", "templates/debian-12"),
  folder: text("the inventory folder that holds the platform's machines; made by the program", "platform"),
  guestInterface: text("the network interface's name inside the guest", "ens192", (value) => /^[a-z][a-z0-9]{1,14}$/.test(value)).default(
    "ens192",
  ),
});

const tls = z
  .discriminatedUnion("source", [
    z.strictObject({ source: z.literal("internal") }),
    z.strictObject({
      source: z.literal("provided"),
      issuingCertificate: certificates("the issuing authority's own certificate"),
      chain: certificates("the authorities above it, up to the root"),
    }),
  ])
  .meta({
    description: "where certificates come from: source internal (the program makes its own authority) or provided (your authority's PEM)",
    examples: [{ source: "internal" }],
  });

const proxyUrl = text("a proxy as http://host:port, one that asks for no credentials", "http://192.0.2.10:3128", (value) =>
  /^http:\/\/[a-z0-9.-]+:\d{1,5}$/.test(value),
);

const externalService = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("database"),
    engine: z
      .enum(["postgresql", "informix"])
      .meta({ description: "the database's engine, postgresql or informix", examples: ["postgresql"] }),
    host: hostOrAddress("the database server"),
    port: port("the database server's", 5432).optional(),
    database: text("the database's name", "business"),
    user: text("the database account", "platform"),
    listenPort: port("where LBINTEGRATION listens for it", 20001).optional(),
  }),
  z.strictObject({
    kind: z.literal("ldap"),
    host: hostOrAddress("the directory server"),
    port: port("the directory server's", 636).optional(),
    tls: z.boolean().meta({ description: "whether the directory speaks TLS (ldaps), true or false", examples: [true] }),
    bindDn: text("the account that reads the directory", "cn=reader,dc=example,dc=org"),
    userDn: text("where the users are", "ou=people,dc=example,dc=org"),
    userAttribute: text("the attribute people log in with", "uid"),
    scope: z.enum(["one", "subtree"]).meta({ description: "how deep to search, one or subtree", examples: ["subtree"] }),
    users: z.enum(["internal", "external"]).meta({ description: "whose accounts these are, internal or external", examples: ["internal"] }),
    listenPort: port("where LBINTEGRATION listens for it", 20002).optional(),
  }),
  z.strictObject({
    kind: z.literal("smtp"),
    host: hostOrAddress("the mail server"),
    port: port("the mail server's", 587),
    user: text("the account that sends", "platform").optional(),
    from: text("the sender's mail address", "platform@example.org", (value) => /^[^@\s]+@[^@\s]+$/.test(value)),
    tls: z.enum(["none", "starttls", "tls"]).meta({ description: "how mail is protected, none, starttls or tls", examples: ["starttls"] }),
    listenPort: port("where LBINTEGRATION listens for it", 20003).optional(),
  }),
  z.strictObject({
    kind: z.literal("http"),
    host: hostOrAddress("the service's server"),
    port: port("the service's", 443),
    tls: z.boolean().meta({ description: "whether the service speaks TLS, true or false", examples: [true] }),
    user: text("the account it is called with", "platform").optional(),
    listenPort: port("where LBINTEGRATION listens for it", 20004).optional(),
  }),
]);

const override = z.strictObject({
  vcpu: whole("virtual CPUs, a whole number from 1 to 128", 8, 1, 128).optional(),
  memoryGib: whole("memory in GiB, a whole number from 1 to 1024", 16, 1, 1024).optional(),
  osDiskGb: whole("the system disk in GB, a whole number from 1 to 4096", 100, 1, 4096).optional(),
  dataDiskGb: whole("the data disk in GB, a whole number from 1 to 16384", 300, 1, 16384).optional(),
});

const AGE_RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;
const PGP_KEY = /^-----BEGIN PGP PUBLIC KEY BLOCK-----[\s\S]+-----END PGP PUBLIC KEY BLOCK-----\s*$/;

const vault = z.strictObject({
  distribution: z
    .enum(["vault", "openbao"])
    .meta({ description: "the secrets manager, vault or openbao", examples: ["vault"] })
    .default("vault"),
  operatorKeys: z
    .array(
      text(
        "an operator's public key, of age (age1...) or of PGP (armoured)",
        "age1...",
        (value) => AGE_RECIPIENT.test(value) || PGP_KEY.test(value),
      ),
    )
    .min(1)
    .max(10)
    .refine((values) => new Set(values).size === values.length)
    .meta({
      description:
        "who unseals Vault: one share of its key for each of these public keys, of which more than half are needed; 1 to 10, each once",
      examples: [["age1..."]],
    }),
  autoUnseal: z
    .strictObject({
      address: text("the address of the Vault that unseals this one, https://host[:port]", "https://transit.example.org:8200", (value) =>
        /^https:\/\/[a-z0-9.-]+(:\d{1,5})?$/.test(value),
      ),
      mountPath: text("the path of its transit engine", "transit", (value) => /^[\w/-]+$/.test(value)).default("transit"),
      keyName: text("the name of the key there", "platform-unseal", (value) => /^[\w-]+$/.test(value)),
    })
    .meta({ description: "another Vault whose transit engine unseals this one by itself (none)", examples: ["address: https://..."] })
    .optional(),
});

const unique = (values: readonly string[]): boolean => new Set(values).size === values.length;

/** The whole of `platform:` in a stack file, secrets apart. */
export const platformSchema = z.strictObject({
  users: whole(`concurrent users, a whole number from 1 to ${MAX_USERS}`, 1000, 1, MAX_USERS),
  prefix: text(
    "the environment's prefix in every name, up to 20 lower-case letters, digits and inner hyphens, given without its final hyphen",
    "prod",
    (value) => isDnsLabel(value) && value.length <= 20,
  ).optional(),
  domain: text("the DNS domain of every name, lower case, two labels or more", "platform.example.org", isDomain),
  products: z
    .array(z.enum(["eservices", "gco"]).meta({ description: "a product, eservices or gco", examples: ["eservices"] }))
    .min(1)
    .refine(unique)
    .meta({ description: "the products to install, each once: eservices, gco or both", examples: [["eservices", "gco"]] }),
  hypervisor: z.discriminatedUnion("kind", [vsphere]).meta({
    description: "the hypervisor, an object with kind: vsphere",
    examples: ["kind: vsphere"],
  }),
  zones: z.strictObject({ lan: zone, infra: zone, dmz: zone }),
  access: z.strictObject({
    administrators: z
      .record(
        accountName,
        z.strictObject({
          keys: z
            .array(sshPublicKey)
            .min(1)
            .meta({ description: "the person's SSH public keys, one or more", examples: [["ssh-ed25519 AAAAC3... alice"]] }),
        }),
      )
      .meta({ description: "the people who may log in to machines, by account name", examples: ["alice: {keys: [...]}"] }),
    administratorNetworks: z
      .array(network("a network administrators come from", "198.51.100.0/24"))
      .min(1)
      .meta({
        description: "the networks administrators come from, one or more",
        examples: [["198.51.100.0/24"]],
      }),
    deployerNetworks: z
      .array(network("a network `pulumi up` runs from", "198.51.100.9/32"))
      .min(1)
      .meta({
        description: "the networks or addresses that `pulumi up` runs from, one or more",
        examples: [["198.51.100.9/32"]],
      }),
    userNetworks: z
      .array(network("a network internal users come from", "10.0.0.0/8"))
      .min(1)
      .meta({
        description: "the networks internal users come from, one or more",
        examples: [["10.0.0.0/8"]],
      }),
  }),
  tls: tls.default({ source: "internal" }),
  proxy: z
    .strictObject({
      url: proxyUrl,
      noProxy: z
        .array(text("a name or network that needs no proxy", ".example.org", (value) => /^[A-Za-z0-9.*:/-]+$/.test(value)))
        .default([]),
    })
    .optional(),
  artifacts: z
    .strictObject({
      mode: z.enum(["connected", "mirrored"]).meta({
        description:
          "where packages, charts and images come from: connected (upstream) or mirrored (the platform's own registry and Git server)",
        examples: ["connected"],
      }),
    })
    .default({ mode: "connected" }),
  externalServices: z
    .record(text("a service's name, a DNS label", "business-db", isDnsLabel), externalService)
    .meta({ description: "services outside the platform, by a name of your own", examples: ["business-db: {kind: database, ...}"] })
    .default({}),
  clusters: z
    .strictObject({
      podNetwork: network("the network of pods in each cluster", USUAL_NETWORKS.podNetwork).default(USUAL_NETWORKS.podNetwork),
      serviceNetwork: network("the network of services in each cluster", USUAL_NETWORKS.serviceNetwork).default(
        USUAL_NETWORKS.serviceNetwork,
      ),
    })
    .meta({ description: "networks inside each Kubernetes cluster; they are made at its birth and never change after it" })
    .default(USUAL_NETWORKS),
  overrides: z
    .record(z.string(), override)
    .meta({ description: "machines that are bigger than their tier says, by machine name", examples: ["gitops1: {dataDiskGb: 400}"] })
    .default({}),
  versions: z
    .partialRecord(z.enum(VERSION_NAMES), text("a version", "1.2.3"))
    .meta({ description: `versions other than the tested ones, of ${VERSION_NAMES.join(", ")}`, examples: ["longhorn: 1.12.2"] })
    .default({}),
  confirmations: z
    .strictObject({
      migrated: z.array(text("a machine's name", "rkeapp-master1", isDnsLabel)).meta({
        description: "machines whose data was moved elsewhere, so that an edit may take their data disk away",
        examples: [["rkeapp-master1"]],
      }),
    })
    .default({ migrated: [] }),
  vault,
  checksums: z
    .partialRecord(
      z.enum(ARTIFACT_NAMES),
      text("a SHA-256 in 64 lower-case hexadecimal digits", "8aa90f9cea46f541...", (value) => /^[0-9a-f]{64}$/.test(value)),
    )
    .meta({
      description: `checksums of the archives of versions other than the tested ones, of ${ARTIFACT_NAMES.join(", ")}`,
      examples: ["vault: 8aa90f9cea46f541..."],
    })
    .default({}),
  backups: z
    .strictObject({ retentionDays: whole("how long deleted and overwritten backups are kept, in days, 1 to 3650", 30, 1, 3650) })
    .default({ retentionDays: 30 }),
  rotations: z
    .partialRecord(
      z.enum(ROTATABLE),
      text("any text; another text is another secret", "2026-11", (value) => /^[a-z0-9-]{1,32}$/.test(value)),
    )
    .meta({
      description: `passwords, keys and certificates to make anew, of ${ROTATABLE.join(", ")}; change the text to rotate`,
      examples: ["registry-nodes: 2026-11"],
    })
    .default({}),
});

/** A valid stack file: every default filled in, every cross-check passed. */
export type PlatformConfig = z.output<typeof platformSchema>;

export type VsphereConfig = Extract<PlatformConfig["hypervisor"], { kind: "vsphere" }>;
export type ExternalService = PlatformConfig["externalServices"][string];
