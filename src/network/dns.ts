import { prefixed } from "../../sizing/plan";

/** One record of the platform's zone. */
export interface DnsRecord {
  /** Fully qualified, without the final dot. */
  readonly name: string;
  readonly ip: string;
  readonly why: string;
}

/** Every service name of the platform: the virtual address it resolves to, and the product it belongs to. */
const SERVICES = {
  keycloak: { via: "lblan" },
  "minio-api": { via: "lblan" },
  "minio-ui": { via: "lblan" },
  akhq: { via: "lblan" },
  n8n: { via: "lblan" },
  apim: { via: "lblan" },
  registry: { via: "lblan" },
  gogs: { via: "lblan" },
  vault: { via: "lblan" },
  rancher: { via: "lblan" },
  coroot: { via: "lblan" },
  "minio-backup": { via: "lblan" },
  "argocd-apps": { via: "lblan" },
  "argocd-mw": { via: "lblan" },
  "argocd-dmz": { via: "lblan" },
  "gravitee-dmz": { via: "lblan" },
  "neuvector-apps": { via: "lblan" },
  "neuvector-mw": { via: "lblan" },
  "neuvector-dmz": { via: "lblan" },
  "longhorn-apps": { via: "lblan" },
  "longhorn-mw": { via: "lblan" },
  flowable: { via: "lblan", product: "eservices" },
  gco: { via: "lblan", product: "gco" },
  "ael-client-ui-interne": { via: "lblan", product: "eservices" },
  "ael-back-ui": { via: "lblan", product: "eservices" },
  "ael-client-ui": { via: "lbdmz", product: "eservices" },
  api: { via: "lbdmz" },
  "kafka-mobile": { via: "lbdmz" },
} as const satisfies Readonly<Record<string, Omit<ServiceName, "label">>>;

/** The first label of a service's name. */
export type ServiceLabel = keyof typeof SERVICES;

/** A name under which people or programs reach a service of the platform. */
export interface ServiceName {
  readonly label: ServiceLabel;
  /** The virtual address it resolves to. */
  readonly via: "lblan" | "lbdmz";
  readonly product?: "eservices" | "gco";
}

/** Every service name of the platform. */
export const SERVICE_NAMES: readonly ServiceName[] = Object.entries(SERVICES).map(([label, service]) => ({
  label: label as ServiceLabel,
  ...service,
}));

/** The full name of a service. */
export function serviceHost(config: { readonly prefix?: string | undefined; readonly domain: string }, label: ServiceLabel): string {
  return `${prefixed(config.prefix, label)}.${config.domain}`;
}

/** The longest label DNS allows (RFC 1035), and so the longest host name. */
export const LONGEST_LABEL = 63;

/** The longest name DNS allows, without its final dot. */
export const LONGEST_NAME = 253;

/** Whether `text` is a lower-case DNS label: letters, digits, inner hyphens. */
export function isDnsLabel(text: string): boolean {
  return text.length <= LONGEST_LABEL && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text);
}

/** Whether `text` is a lower-case domain of two labels or more. */
export function isDomain(text: string): boolean {
  const labels = text.split(".");
  return text.length <= LONGEST_NAME && labels.length > 1 && labels.every(isDnsLabel) && !/^\d+$/.test(labels[labels.length - 1] ?? "");
}

export interface DnsInput {
  readonly prefix?: string | undefined;
  readonly domain: string;
  readonly products: readonly string[];
  readonly machines: readonly { readonly name: string; readonly ip: string }[];
  readonly virtualAddresses: readonly { readonly name: string; readonly ip: string; readonly purpose: string }[];
}

/** The service names of the chosen products. */
export function serviceNamesFor(products: readonly string[]): readonly ServiceName[] {
  return SERVICE_NAMES.filter((each) => each.product === undefined || products.includes(each.product));
}

/** Every record that the organisation's DNS must serve, machines first. */
export function planDns(input: DnsInput): readonly DnsRecord[] {
  const qualified = (label: string): string => `${prefixed(input.prefix, label)}.${input.domain}`;
  const virtualIp = new Map(input.virtualAddresses.map((each) => [each.name, each.ip]));
  return [
    ...input.machines.map(({ name, ip }): DnsRecord => ({ name: `${name}.${input.domain}`, ip, why: "machine" })),
    ...input.virtualAddresses.map(({ name, ip, purpose }): DnsRecord => ({ name: qualified(name), ip, why: purpose })),
    ...serviceNamesFor(input.products).map((service): DnsRecord => ({
      name: qualified(service.label),
      ip: virtualIp.get(service.via) ?? "",
      why: `service through ${service.via}`,
    })),
  ];
}

/** The records as a zone file fragment, relative to `domain`, for the team that runs DNS. */
export function renderZoneFile(domain: string, records: readonly DnsRecord[]): string {
  const width = Math.max(...records.map((record) => record.name.length - domain.length));
  const lines = records.map((record) => {
    const label = record.name.slice(0, -(domain.length + 1));
    return `${label.padEnd(width)} IN A ${record.ip.padEnd(15)} ; ${record.why}`;
  });
  return [`; Planned by platform: every edit of the stack file may change it`, `$ORIGIN ${domain}.`, ...lines, ""].join("\n");
}
