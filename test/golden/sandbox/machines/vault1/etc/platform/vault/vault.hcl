# Managed by Pulumi: edits are overwritten. Made by src/base/vault/files.ts.
api_addr = "https://vault1.sandbox.test:8200"
cluster_addr = "https://198.18.1.32:8201"
ui = true
log_format = "json"

storage "raft" {
  path = "/var/lib/vault/raft"
  node_id = "vault1"
}

listener "tcp" {
  address = "198.18.1.32:8200"
  cluster_address = "198.18.1.32:8201"
  tls_cert_file = "/etc/vault/tls/cert.pem"
  tls_key_file = "/etc/vault/tls/key.pem"
  tls_min_version = "tls12"
}

audit "file" "file" {
  options {
    file_path = "/var/lib/vault/audit/audit.log"
    mode = "0600"
  }
}
