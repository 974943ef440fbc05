"""The Kubernetes side: client, reflector, slim structs of nodes and pods."""
