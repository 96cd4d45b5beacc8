"""What this machine gives: control groups, system calls, users, directories."""
