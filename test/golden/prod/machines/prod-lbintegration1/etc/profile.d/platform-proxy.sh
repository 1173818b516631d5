# Managed by Pulumi: edits are overwritten. Made by src/machines/preparation/files.ts.
export http_proxy=http://proxy.example.org:3128
export https_proxy=http://proxy.example.org:3128
export no_proxy="localhost,127.0.0.1,.platform.example.org,192.0.2.0/24"
