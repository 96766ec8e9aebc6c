"""What `infra/local/stack` is made of: layout (paths, ports, settings), process, servers, services, nginx, stack."""
