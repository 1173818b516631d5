# Managed by Pulumi: edits are overwritten. Made by src/base/vault/files.ts.
api_addr = "https://prod-vault1.platform.example.org:8200"
cluster_addr = "https://198.51.100.32:8201"
ui = true
log_format = "json"
disable_mlock = true

storage "raft" {
  path = "/var/lib/vault/raft"
  node_id = "prod-vault1"
}

listener "tcp" {
  address = "198.51.100.32:8200"
  cluster_address = "198.51.100.32:8201"
  tls_cert_file = "/etc/vault/tls/cert.pem"
  tls_key_file = "/etc/vault/tls/key.pem"
  tls_min_version = "tls12"
}
