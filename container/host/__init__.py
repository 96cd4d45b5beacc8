"""The host's resources: control groups, system calls, users, directories."""
